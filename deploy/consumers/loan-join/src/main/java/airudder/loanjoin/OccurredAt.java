package airudder.loanjoin;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * Gives a call the time at which it occurred. Its record has the time of publishing, which a call
 * cannot be later than: a wrong clock would push the time of all state on, and a broker takes no
 * record of the future.
 */
public final class OccurredAt implements TimestampExtractor {
    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
        return record.value() instanceof Call call ? Math.min(call.occurredAt(), record.timestamp()) : record.timestamp();
    }
}
