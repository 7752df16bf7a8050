package airudder.loanjoin;

/** What is said of a call, and what was said before a loan came late; null the first time. */
record Answer(Match before, Match after) {
    boolean wasJoined() {
        return before != null && before.joined();
    }

    boolean wasMissed() {
        return before != null && !before.joined();
    }
}
