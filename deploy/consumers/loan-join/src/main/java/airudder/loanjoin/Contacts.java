package airudder.loanjoin;

import java.time.LocalDate;
import java.time.ZoneId;

/** How often a borrower was called on a day of theirs, and how often outside the permitted hours. */
record Contacts(String borrower, String day, long calls, long outsideHours) {

    static Contacts of(Match match, Hours hours, ZoneId otherwise) {
        ZoneId zone = match.loan().zone(otherwise);
        LocalDate day = match.call().day(zone);
        return new Contacts(match.loan().borrower(match.call().comments()), day.toString(), 1, match.call().outside(hours, zone) ? 1 : 0);
    }

    String key() {
        return borrower + "/" + day;
    }

    Contacts plus(Contacts other) {
        return new Contacts(borrower, day, calls + other.calls, outsideHours + other.outsideHours);
    }

    Contacts negative() {
        return new Contacts(borrower, day, -calls, -outsideHours);
    }
}
