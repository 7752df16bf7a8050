package airudder.loanjoin;

import java.time.LocalTime;

/** The hours of a day in which calls are permitted: from the first until just before the second. */
record Hours(LocalTime from, LocalTime until) {
    static Hours parse(String text) {
        String[] ends = text.split("-", 2);
        return new Hours(LocalTime.parse(ends[0]), LocalTime.parse(ends[1]));
    }

    boolean contain(LocalTime time) {
        return !time.isBefore(from) && time.isBefore(until);
    }
}
