package airudder.loanjoin;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;

/** What the join needs of a call. Times are milliseconds since the epoch; comments may be null: no reference. */
record Call(
        String account, String taskId, String callId, String comments,
        Long callStartTime, long occurredAt, Long callTimes, Long talkRound, String intention) {

    /** The call's identity as the key of a record: account/task/call; the account is empty where it has no name. */
    String id() {
        return escape(account == null ? "" : account) + "/" + escape(taskId) + "/" + callId;
    }

    private static String escape(String part) {
        return part.replace("%", "%25").replace("/", "%2F");
    }

    LocalDate day(ZoneId zone) {
        return Instant.ofEpochMilli(occurredAt).atZone(zone).toLocalDate();
    }

    /** Whether the phone rang outside the hours: where the start is not known, the end decides. */
    boolean outside(Hours hours, ZoneId zone) {
        long rang = callStartTime == null ? occurredAt : callStartTime;
        return !hours.contain(Instant.ofEpochMilli(rang).atZone(zone).toLocalTime());
    }
}
