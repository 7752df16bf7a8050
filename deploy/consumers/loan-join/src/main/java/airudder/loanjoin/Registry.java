package airudder.loanjoin;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.apache.avro.Schema;
import org.apache.kafka.common.errors.SerializationException;

/** Schemas by id, from a registry with Confluent's REST API. */
final class Registry {
    private static final int ATTEMPTS = 8;

    private final String url;
    private final String login;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    /** The user is null where the registry asks for none. */
    Registry(String url, String user, String password) {
        this.url = url.replaceAll("/+$", "");
        this.login = user == null ? null
                : "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    /** The schema of an id, asked for up to eight times in about two minutes: a record cannot be passed over. */
    Schema schema(int id) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).timeout(Duration.ofSeconds(10));
        if (login != null) {
            request.header("Authorization", login);
        }
        String trouble = "";
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                Thread.sleep(attempt == 0 ? 0 : 500L << attempt);
                HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
                if (response.statusCode() == 200) {
                    return new Schema.Parser().parse(Json.MAPPER.readTree(response.body()).path("schema").asText());
                }
                trouble = "status " + response.statusCode();
            } catch (JsonProcessingException e) {
                trouble = "no JSON";
            } catch (IOException e) {
                trouble = e.toString();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        throw new SerializationException("the schema registry does not give schema " + id + ": " + trouble);
    }
}
