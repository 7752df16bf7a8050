package airudder.loanjoin;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.state.Stores;

/** The topology: calls and loans in; calls with their loan, calls without one, and contacts by borrower and day out. */
record LoanJoin(Topics topics, int loanPartitions, Duration loanHistory, Duration callHistory, Hours hours, ZoneId zone) {

    record Topics(String events, String loans, String joined, String missed, String contacts) {}

    private static final Serde<String> TEXT = Serdes.String();

    Topology build(Serde<Call> events) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.versionedKeyValueStoreBuilder(
                Stores.persistentVersionedKeyValueStore(AsOf.LOANS, loanHistory), TEXT, Json.of(Loan.class)));
        builder.addStateStore(Stores.windowStoreBuilder( // duplicates: calls of one reference at one time
                Stores.persistentWindowStore(AsOf.CALLS, callHistory, Duration.ofMillis(1), true), TEXT, Json.of(Call.class)));

        KStream<String, Call> calls = builder
                .stream(topics.events(), Consumed.with(TEXT, events).withTimestampExtractor(new OccurredAt()))
                .filter((key, call) -> call != null);
        KStream<String, Answer> answers = byReference(calls).process(AsOf.OnCall::new, Named.as("on-call"), AsOf.LOANS, AsOf.CALLS)
                .merge(builder.stream(topics.loans(), Consumed.with(TEXT, Json.of(JsonNode.class)))
                        .process(() -> new AsOf.OnLoan(loanHistory), Named.as("on-loan"), AsOf.LOANS, AsOf.CALLS));
        KStream<String, Answer> without = calls.filter((key, call) -> !hasReference(call))
                .map((key, call) -> KeyValue.pair(call.id(), new Answer(null, new Match(call, null))));

        publish(answers);
        publish(without);
        count(answers);
        return builder.build();
    }

    private static boolean hasReference(Call call) {
        return call.comments() != null && !call.comments().isEmpty();
    }

    /** Calls by the key of the loans, over as many partitions, so that one task has both. */
    private KStream<String, Call> byReference(KStream<String, Call> calls) {
        return calls.filter((key, call) -> hasReference(call))
                .selectKey((key, call) -> call.comments())
                .repartition(Repartitioned.with(TEXT, Json.of(Call.class)).withName("calls").withNumberOfPartitions(loanPartitions));
    }

    /** Each call is in one of two compacted topics: a late loan takes it from one to the other. */
    private void publish(KStream<String, Answer> answers) {
        answers.filter((id, answer) -> answer.after().joined() || answer.wasJoined())
                .mapValues(answer -> answer.after().joined() ? answer.after() : null)
                .to(topics.joined(), Produced.with(TEXT, Json.of(Match.class)));
        answers.filter((id, answer) -> !answer.after().joined() || answer.wasMissed())
                .mapValues(answer -> answer.after().joined() ? null : answer.after())
                .to(topics.missed(), Produced.with(TEXT, Json.of(Match.class)));
    }

    /** Counts are updates of a compacted topic. A changed answer takes the call from where it was counted. */
    private void count(KStream<String, Answer> answers) {
        answers.flatMap((id, answer) -> changes(answer))
                .groupByKey(Grouped.with("contacts", TEXT, Json.of(Contacts.class)))
                .reduce(Contacts::plus, Materialized.as("contacts"))
                .toStream()
                .mapValues(contacts -> contacts.calls() == 0 ? null : contacts)
                .to(topics.contacts(), Produced.with(TEXT, Json.of(Contacts.class)));
    }

    private List<KeyValue<String, Contacts>> changes(Answer answer) {
        List<Contacts> changes = new ArrayList<>();
        if (answer.wasJoined()) {
            changes.add(Contacts.of(answer.before(), hours, zone).negative());
        }
        if (answer.after().joined()) {
            changes.add(Contacts.of(answer.after(), hours, zone));
        }
        return changes.stream().map(change -> KeyValue.pair(change.key(), change)).toList();
    }
}
