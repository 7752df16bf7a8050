package airudder.loanjoin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoanJoinTest {
    private static final Duration HISTORY = Duration.ofDays(100);
    private static final String PUBLISHED = "2026-03-10T00:00:00Z"; // of every call: later than all of them

    @TempDir
    java.nio.file.Path state;

    private TopologyTestDriver driver;
    private TestInputTopic<String, Call> events;
    private TestInputTopic<String, JsonNode> loans;
    private TestOutputTopic<String, JsonNode> joined;
    private TestOutputTopic<String, JsonNode> missed;
    private TestOutputTopic<String, JsonNode> contacts;

    @BeforeEach
    void start() {
        Serde<String> text = Serdes.String();
        Serde<JsonNode> json = Json.of(JsonNode.class);
        LoanJoin join = new LoanJoin(new LoanJoin.Topics("events", "loans", "joined", "missed", "contacts"),
                1, HISTORY, Duration.ofDays(30), Hours.parse("08:00-20:00"), ZoneId.of("Asia/Jakarta"));
        Properties p = new Properties();
        p.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        driver = new TopologyTestDriver(join.build(Json.of(Call.class)), p, Instant.parse(PUBLISHED));
        events = driver.createInputTopic("events", text.serializer(), Json.of(Call.class).serializer(), Instant.parse(PUBLISHED), Duration.ZERO);
        loans = driver.createInputTopic("loans", text.serializer(), json.serializer());
        joined = driver.createOutputTopic("joined", text.deserializer(), json.deserializer());
        missed = driver.createOutputTopic("missed", text.deserializer(), json.deserializer());
        contacts = driver.createOutputTopic("contacts", text.deserializer(), json.deserializer());
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    private void call(String id, String reference, String at) {
        call(id, reference, at, at);
    }

    private void call(String id, String reference, String start, String end) {
        events.pipeInput("any", new Call(null, "T/1", id, reference,
                start == null ? null : Instant.parse(start).toEpochMilli(), Instant.parse(end).toEpochMilli(), 1L, 2L, "promise"));
    }

    private void loan(String reference, String since, String borrower, String zone, int dpd) {
        var fields = JsonNodeFactory.instance.objectNode().put("borrower", borrower).put("days_past_due", dpd);
        if (zone != null) {
            fields.put("zone", zone);
        }
        loans.pipeInput(reference, fields, Instant.parse(since));
    }

    private static int dpd(JsonNode match) {
        return match.path("loan").path("fields").path("days_past_due").asInt(-1);
    }

    private static String counted(JsonNode contacts) {
        return contacts.path("borrower").asText() + " " + contacts.path("day").asText() + " " + contacts.path("calls") + " " + contacts.path("outside_hours");
    }

    @Test
    void callsGetTheLoanAsItWasWhenTheyOccurred() {
        loan("L1", "2026-03-01T00:00:00Z", "B1", null, 1);
        loan("L1", "2026-03-05T00:00:00Z", "B1", null, 5);
        call("after", "L1", "2026-03-05T00:00:00Z");
        call("backfilled", "L1", "2026-03-04T23:59:59.999Z");
        call("before", "L1", "2026-02-28T23:59:59Z");
        Map<String, JsonNode> answers = joined.readKeyValuesToMap();
        assertEquals(5, dpd(answers.get("/T%2F1/after")), "valid from its own moment on");
        assertEquals(1, dpd(answers.get("/T%2F1/backfilled")));
        assertEquals(Map.of("/T%2F1/before", "before").keySet(), missed.readKeyValuesToMap().keySet());
        assertEquals("promise", answers.get("/T%2F1/after").path("call").path("intention").asText());
    }

    @Test
    void aLateLoanTakesTheCallFromTheMissed() {
        call("c", "L1", "2026-03-05T03:00:00Z");
        assertEquals("c", missed.readKeyValue().value.path("call").path("call_id").asText());
        loan("L1", "2026-03-05T03:00:01Z", "B1", null, 9); // later than the call: nothing to do with it
        assertTrue(missed.isEmpty() && joined.isEmpty());
        loan("L1", "2026-03-05T02:00:00Z", "B1", null, 2);
        assertNull(missed.readKeyValue().value);
        assertEquals(2, dpd(joined.readKeyValue().value));
        assertEquals("B1 2026-03-05 1 0", counted(contacts.readKeyValue().value));
    }

    @Test
    void aVersionThatComesLateChangesOnlyTheCallsThatItIsValidFor() {
        loan("L1", "2026-03-01T00:00:00Z", "B1", null, 1);
        loan("L1", "2026-03-07T00:00:00Z", "B1", null, 7);
        call("early", "L1", "2026-03-02T03:00:00Z");
        call("mid", "L1", "2026-03-05T03:00:00Z");
        call("late", "L1", "2026-03-08T03:00:00Z");
        joined.readKeyValuesToMap();
        contacts.readKeyValuesToMap();
        loan("L1", "2026-03-04T00:00:00Z", "B2", null, 4); // until then it was another's
        var changed = joined.readKeyValuesToList();
        assertEquals(1, changed.size());
        assertEquals("/T%2F1/mid", changed.get(0).key);
        var counts = contacts.readKeyValuesToMap();
        assertNull(counts.get("B1/2026-03-05"), "counted for nobody any more");
        assertEquals("B2 2026-03-05 1 0", counted(counts.get("B2/2026-03-05")));
    }

    @Test
    void aDeletedLoanIsNoLoanFromThenOn() {
        loan("L1", "2026-03-01T00:00:00Z", "B1", null, 1);
        call("c", "L1", "2026-03-05T03:00:00Z");
        assertEquals(1, dpd(joined.readKeyValue().value));
        loans.pipeInput("L1", null, Instant.parse("2026-03-03T00:00:00Z"));
        assertNull(joined.readKeyValue().value);
        assertEquals("/T%2F1/c", missed.readKeyValue().key);
        contacts.readKeyValue();
        assertNull(contacts.readKeyValue().value);
    }

    @Test
    void aSecondCopyOfACallCountsOnce() {
        loan("L1", "2026-03-01T00:00:00Z", "B1", null, 1);
        call("c", "L1", "2026-03-05T03:00:00Z");
        call("c", "L1", "2026-03-05T03:00:00Z");
        call("other", "L1", "2026-03-05T03:00:00Z"); // at the same moment
        assertEquals(2, joined.readKeyValuesToList().size());
        assertEquals("B1 2026-03-05 2 0", counted(contacts.readKeyValuesToMap().get("B1/2026-03-05")));
    }

    @Test
    void callsWithoutAReferenceAreMissed() {
        call("null", null, "2026-03-05T03:00:00Z");
        call("empty", "", "2026-03-05T03:00:00Z");
        assertEquals(2, missed.readKeyValuesToList().size());
        assertTrue(joined.isEmpty() && contacts.isEmpty());
    }

    @Test
    void aDayIsTheBorrowers() {
        loan("L1", "2026-03-01T00:00:00Z", "B1", "Asia/Jayapura", 1); // +09:00
        loan("L2", "2026-03-01T00:00:00Z", "B1", null, 1); // as configured: +07:00
        call("a", "L1", "2026-03-05T14:59:59Z"); // 23:59:59
        call("b", "L1", "2026-03-05T15:00:00Z"); // midnight
        call("c", "L2", "2026-03-05T16:59:59Z"); // 23:59:59
        call("d", "L2", "2026-03-05T17:00:00Z"); // midnight
        var counts = contacts.readKeyValuesToMap();
        assertEquals("B1 2026-03-05 2 2", counted(counts.get("B1/2026-03-05")));
        assertEquals("B1 2026-03-06 2 2", counted(counts.get("B1/2026-03-06")));
    }

    @Test
    void permittedHoursCountFromWhenThePhoneRang() {
        loan("L1", "2026-03-01T00:00:00Z", "B1", "Asia/Jakarta", 1);
        call("first", "L1", "2026-03-05T01:00:00Z", "2026-03-05T01:02:00Z"); // 08:00
        call("last", "L1", "2026-03-05T12:59:59Z", "2026-03-05T13:04:00Z"); // 19:59:59, and talked on
        assertEquals("B1 2026-03-05 2 0", counted(contacts.readKeyValuesToMap().get("B1/2026-03-05")));
        call("early", "L1", "2026-03-05T00:59:59Z", "2026-03-05T01:02:00Z");
        call("late", "L1", "2026-03-05T13:00:00Z", "2026-03-05T13:01:00Z");
        call("unknown start", "L1", null, "2026-03-05T13:00:00Z");
        assertEquals("B1 2026-03-05 5 3", counted(contacts.readKeyValuesToMap().get("B1/2026-03-05")));
    }

    @Test
    void aLoanOlderThanTheHistoryIsKnown() {
        loan("other", "2026-03-09T00:00:00Z", "B2", null, 0);
        loan("L1", "2020-01-02T00:00:00Z", "B1", null, 2);
        loan("L1", "2020-01-01T00:00:00Z", "B1", null, 1); // out of order, and long out of date
        call("c", "L1", "2026-03-05T03:00:00Z");
        assertEquals(2, dpd(joined.readKeyValue().value));
        loans.pipeInput("L1", null, Instant.parse("2020-01-03T00:00:00Z"));
        assertNull(joined.readKeyValue().value);
        loan("L1", "2020-01-02T12:00:00Z", "B1", null, 3);
        assertTrue(joined.isEmpty(), "it was deleted after that");
    }
}
