package airudder.loanjoin;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Joins each call with its loan as of the call's time, at once, and again whenever a version of
 * the loan comes that was valid then: so the answers are those of a batch join over all that has
 * come, in whatever order it came. A join with a grace period would hold each call back until
 * later calls push the time of its partition on (over night: until the morning), and would be
 * wrong for a loan that is later than the grace.
 *
 * <p>The two processors share two stores, and therefore run in one task for each partition:
 * <ul>
 * <li>loans: every version of a loan, by the reference; versioned;
 * <li>calls: by the reference and time, for as long as a late loan may still change them.
 * </ul>
 */
abstract class AsOf<V> extends ContextualProcessor<String, V, String, Answer> {
    static final String LOANS = "loans";
    static final String CALLS = "calls";

    protected VersionedKeyValueStore<String, Loan> loans;
    protected WindowStore<String, Call> calls;

    @Override
    public void init(ProcessorContext<String, Answer> context) {
        super.init(context);
        loans = context.getStateStore(LOANS);
        calls = context.getStateStore(CALLS);
    }

    protected Match match(Call call) {
        VersionedRecord<Loan> version = loans.get(call.comments(), call.occurredAt());
        return new Match(call, version == null || version.value().deleted() ? null : version.value());
    }

    protected List<Call> calls(String reference, long from, long until) {
        List<Call> found = new ArrayList<>();
        try (var rows = calls.fetch(reference, from, until)) {
            rows.forEachRemaining(row -> found.add(row.value));
        }
        return found;
    }

    protected void answer(Match before, Match after) {
        Call call = after.call();
        long time = Math.min(call.occurredAt(), context().currentSystemTimeMs());
        context().forward(new Record<>(call.id(), new Answer(before, after), time));
    }

    /** A call is answered once: a second copy of it, which a mirror of the topic may bring, is passed over. */
    static final class OnCall extends AsOf<Call> {
        @Override
        public void process(Record<String, Call> record) {
            Call call = record.value();
            long time = record.timestamp();
            boolean known = calls(record.key(), time, time).stream().anyMatch(other -> other.id().equals(call.id()));
            if (!known) {
                calls.put(record.key(), call, time);
                answer(null, match(call));
            }
        }
    }

    /** A version of a loan, or null: there is none any more. It answers the calls again for which that makes a difference. */
    static final class OnLoan extends AsOf<JsonNode> {
        private final Duration history;

        OnLoan(Duration history) {
            this.history = history;
        }

        @Override
        public void process(Record<String, JsonNode> record) {
            String reference = record.key();
            long since = Math.max(record.timestamp(), context().currentStreamTimeMs() - history.toMillis() + 1);
            if (since > record.timestamp() && newerAt(reference, since, record.timestamp())) {
                return;
            }
            List<Match> before = calls(reference, since, Long.MAX_VALUE).stream().map(this::match).toList();
            loans.put(reference, new Loan(record.timestamp(), record.value()), since);
            for (Match match : before) {
                Match after = match(match.call());
                if (!after.equals(match)) {
                    answer(match, after);
                }
            }
        }

        /**
         * The store drops what is older than its history, so that a loan which has not changed
         * for years would be unknown. It is put where the history begins instead, unless a
         * version that is newer than it is there.
         */
        private boolean newerAt(String reference, long since, long timestamp) {
            VersionedRecord<Loan> there = loans.get(reference, since);
            return there != null && there.value().since() > timestamp;
        }
    }
}
