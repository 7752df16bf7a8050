package airudder.loanjoin;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.DateTimeException;
import java.time.ZoneId;

/** One version of a loan: the fields as they stand in the topic, valid since the record's timestamp; null: deleted then. */
record Loan(long since, JsonNode fields) {
    boolean deleted() {
        return fields == null;
    }

    /** Whom the contacts are counted for. A loan that names nobody is its own borrower. */
    String borrower(String reference) {
        JsonNode borrower = fields.path("borrower");
        return borrower.isTextual() ? borrower.textValue() : reference;
    }

    ZoneId zone(ZoneId otherwise) {
        try {
            return fields.path("zone").isTextual() ? ZoneId.of(fields.path("zone").textValue()) : otherwise;
        } catch (DateTimeException unknown) {
            return otherwise;
        }
    }
}
