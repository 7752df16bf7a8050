package airudder.loanjoin;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZoneId;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.streams.StreamsConfig;

/** What the environment says, under the names that airudder-exporter has for it. */
final class Settings {
    /** A setting is missing or wrong; the text names it. */
    static final class Wrong extends RuntimeException {
        Wrong(String text) {
            super(text);
        }
    }

    private final Map<String, String> environment;

    Settings(Map<String, String> environment) {
        this.environment = environment;
    }

    /** A variable, or the content of the file that NAME_FILE names. */
    String text(String name, String otherwise) {
        String file = environment.getOrDefault(name + "_FILE", "");
        String value = file.isEmpty() ? environment.getOrDefault(name, "") : read(name + "_FILE", file).strip();
        return value.isEmpty() ? otherwise : value;
    }

    String required(String name) {
        String value = text(name, null);
        if (value == null) {
            throw new Wrong(name + " is not set");
        }
        return value;
    }

    private <T> T parsed(String name, String otherwise, Function<String, T> parse) {
        String value = text(name, otherwise);
        try {
            return parse.apply(value);
        } catch (DateTimeException | IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            throw new Wrong(name + " is \"" + value + "\"; right is for example " + otherwise);
        }
    }

    private static String read(String name, String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            throw new Wrong(name + ": " + file + " cannot be read");
        }
    }

    LoanJoin.Topics topics() {
        return new LoanJoin.Topics(
                text("KAFKA_TOPIC_CALL_COMPLETED", "airudder.call-completed"),
                text("KAFKA_TOPIC_LOANS", "loans"),
                text("KAFKA_TOPIC_JOINED", "loan-join.joined"),
                text("KAFKA_TOPIC_MISSED", "loan-join.missed"),
                text("KAFKA_TOPIC_CONTACTS", "loan-join.contacts"));
    }

    boolean createTopics() {
        return parsed("KAFKA_CREATE_TOPICS", "false", Boolean::parseBoolean);
    }

    LoanJoin join(int loanPartitions) {
        return new LoanJoin(topics(), loanPartitions,
                parsed("LOAN_HISTORY", "P400D", Duration::parse), parsed("CALL_HISTORY", "P35D", Duration::parse),
                parsed("PERMITTED_HOURS", "08:00-20:00", Hours::parse), parsed("ZONE", "Asia/Jakarta", ZoneId::of));
    }

    Registry registry() {
        return new Registry(required("SCHEMA_REGISTRY_URL"), text("SCHEMA_REGISTRY_USERNAME", null), text("SCHEMA_REGISTRY_PASSWORD", ""));
    }

    Properties streams() {
        Properties p = kafka();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, text("KAFKA_GROUP", "loan-join"));
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.STATE_DIR_CONFIG, text("STATE_DIR", "state"));
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, parsed("KAFKA_REPLICATION_FACTOR", "-1", Integer::valueOf));
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        // A killed instance is missed after 10 s instead of 45; one that comes back under its name, at once.
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 10_000);
        String instance = text("INSTANCE", null);
        if (instance != null) {
            p.put(StreamsConfig.mainConsumerPrefix(CommonClientConfigs.GROUP_INSTANCE_ID_CONFIG), instance);
        }
        return p;
    }

    /** The connection, for every client. */
    Properties kafka() {
        Properties p = new Properties();
        p.put(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, required("KAFKA_BROKERS"));
        boolean tls = parsed("KAFKA_TLS_ENABLED", "false", Boolean::parseBoolean);
        String mechanism = text("KAFKA_SASL_MECHANISM", "");
        p.put(CommonClientConfigs.SECURITY_PROTOCOL_CONFIG, (mechanism.isEmpty() ? "" : "SASL_") + (tls ? "SSL" : "PLAINTEXT"));
        if (!mechanism.isEmpty()) {
            String module = mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
            p.put(SaslConfigs.SASL_MECHANISM, mechanism);
            p.put(SaslConfigs.SASL_JAAS_CONFIG, "org.apache.kafka.common.security." + module + " required username="
                    + quoted(required("KAFKA_SASL_USERNAME")) + " password=" + quoted(required("KAFKA_SASL_PASSWORD")) + ";");
        }
        if (text("KAFKA_TLS_CA_FILE", null) != null) {
            p.put(SslConfigs.SSL_TRUSTSTORE_TYPE_CONFIG, "PEM");
            p.put(SslConfigs.SSL_TRUSTSTORE_LOCATION_CONFIG, text("KAFKA_TLS_CA_FILE", null));
        }
        if (text("KAFKA_TLS_CERT_FILE", null) != null) {
            p.put(SslConfigs.SSL_KEYSTORE_TYPE_CONFIG, "PEM");
            p.put(SslConfigs.SSL_KEYSTORE_CERTIFICATE_CHAIN_CONFIG, read("KAFKA_TLS_CERT_FILE", required("KAFKA_TLS_CERT_FILE")));
            p.put(SslConfigs.SSL_KEYSTORE_KEY_CONFIG, read("KAFKA_TLS_KEY_FILE", required("KAFKA_TLS_KEY_FILE")));
        }
        return p;
    }

    private static String quoted(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
