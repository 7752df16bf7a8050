package airudder.loanjoin;

/** A call and the loan as it was when the call occurred; null where there was none. */
record Match(Call call, Loan loan) {
    boolean joined() {
        return loan != null;
    }
}
