package airudder.loanjoin;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the join until it is told to stop (0), its configuration is wrong (2) or a record or Kafka stops it (1). */
public final class Main {
    private static final Logger LOG = LoggerFactory.getLogger(Main.class);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private Main() {}

    public static void main(String[] args) throws InterruptedException {
        try {
            System.exit(run(new Settings(System.getenv())));
        } catch (Settings.Wrong e) {
            LOG.error(e.getMessage());
            System.exit(2);
        }
    }

    private static int run(Settings settings) throws InterruptedException {
        LoanJoin join = settings.join(preparedTopics(settings));
        EventDeserializer events = new EventDeserializer(settings.registry());
        KafkaStreams streams = new KafkaStreams(join.build(Serdes.serdeFrom(Json.of(Call.class).serializer(), events)), settings.streams());
        CountDownLatch ended = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(Main::after);
        streams.setStateListener((now, before) -> {
            LOG.info("{} after {}", now, before);
            if (now == State.ERROR || now == State.NOT_RUNNING) {
                ended.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(streams)));
        streams.start();
        ended.await();
        return streams.state() == State.ERROR ? 1 : 0;
    }

    /**
     * A thread that brokers ended by being away for too long is replaced, and continues from what
     * was committed. A wrong record or a missing right would end the next one, too.
     */
    private static StreamThreadExceptionResponse after(Throwable e) {
        boolean passes = false;
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            passes |= cause instanceof RetriableException;
        }
        LOG.error("a thread ended: {}", causes(e)); // no stack: its texts are others'
        return passes ? StreamThreadExceptionResponse.REPLACE_THREAD : StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    }

    /** At SIGTERM: commits what is open, and ends with 0 where Java's own would be 143. */
    private static void stop(KafkaStreams streams) {
        boolean told = streams.state() != State.ERROR;
        boolean whole = streams.close(PATIENCE);
        if (told) {
            Runtime.getRuntime().halt(whole ? 0 : 1);
        }
    }

    private static String causes(Throwable e) {
        List<String> texts = new ArrayList<>();
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            texts.add(cause.toString());
        }
        return String.join("; because: ", texts);
    }

    /** Sees to the topics, and tells how many partitions the loans have. */
    private static int preparedTopics(Settings settings) throws InterruptedException {
        LoanJoin.Topics topics = settings.topics();
        try (Admin admin = Admin.create(settings.kafka())) {
            partitions(admin, topics.events()).orElseThrow(() -> missing(topics.events()));
            int loans = partitions(admin, topics.loans()).orElseThrow(() -> missing(topics.loans()));
            for (String topic : List.of(topics.joined(), topics.missed(), topics.contacts())) {
                if (partitions(admin, topic).isEmpty()) {
                    if (!settings.createTopics()) {
                        throw missing(topic);
                    }
                    create(admin, topic, loans);
                }
            }
            return loans;
        } catch (ExecutionException e) {
            throw new Settings.Wrong("Kafka at KAFKA_BROKERS: " + causes(e.getCause()));
        }
    }

    private static Settings.Wrong missing(String topic) {
        return new Settings.Wrong("the topic " + topic + " does not exist: create it (README.md says how), or set KAFKA_CREATE_TOPICS=true for this program's own");
    }

    private static Optional<Integer> partitions(Admin admin, String topic) throws InterruptedException, ExecutionException {
        try {
            return Optional.of(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /**
     * Compacted, so that the last answer of each call stays; and deleted after as long as the
     * events, by the broker's clock: by the records' own, which are the calls', a backfill would
     * be deleted at once.
     */
    private static void create(Admin admin, String topic, int partitions) throws InterruptedException, ExecutionException {
        NewTopic created = new NewTopic(topic, Optional.of(partitions), Optional.empty()).configs(Map.of(
                TopicConfig.CLEANUP_POLICY_CONFIG, "compact,delete",
                TopicConfig.RETENTION_MS_CONFIG, String.valueOf(Duration.ofDays(30).toMillis()),
                TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime"));
        try {
            admin.createTopics(List.of(created)).all().get();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) { // another instance was faster
                throw e;
            }
        }
    }
}
