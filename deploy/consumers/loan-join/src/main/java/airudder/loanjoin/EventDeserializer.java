package airudder.loanjoin;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/** Reads a CallCompleted in Confluent's wire format: a zero byte, the schema's id in four bytes, Avro. */
final class EventDeserializer implements Deserializer<Call> {
    private static final int HEADER = 5;

    private final Registry registry;
    private final Schema wanted;
    private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new ConcurrentHashMap<>();

    EventDeserializer(Registry registry) {
        this.registry = registry;
        try (InputStream in = EventDeserializer.class.getResourceAsStream("/call.avsc")) {
            wanted = new Schema.Parser().parse(in);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public Call deserialize(String topic, byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        if (bytes.length < HEADER || bytes[0] != 0) {
            throw new SerializationException("the value is not in Confluent's wire format");
        }
        GenericDatumReader<GenericRecord> reader = readers.computeIfAbsent(
                ByteBuffer.wrap(bytes, 1, 4).getInt(), id -> new GenericDatumReader<>(registry.schema(id), wanted));
        try {
            return call(reader.read(null, DecoderFactory.get().binaryDecoder(bytes, HEADER, bytes.length - HEADER, null)));
        } catch (IOException | RuntimeException e) { // its text may quote the value
            throw new SerializationException("the value does not fit its schema: " + e.getClass().getSimpleName());
        }
    }

    private static Call call(GenericRecord event) {
        return new Call(
                text(event, "account"), text(event, "task_id"), text(event, "call_id"), text(event, "comments"),
                (Long) event.get("call_start_time"), (long) event.get("occurred_at"),
                (Long) event.get("call_times"), (Long) event.get("talk_round"), text(event, "intention"));
    }

    private static String text(GenericRecord event, String field) {
        Object value = event.get(field);
        return value == null ? null : value.toString();
    }
}
