package io.vquant.engine.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a hub holds of a model at one commit.
 *
 * @param name which model
 * @param commit that the revision stands for now
 * @param files all files by their names
 */
record HubModel(ModelName name, String commit, SortedMap<String, HubFile> files) {
  private static final int MOST_LISTING_BYTES = 64 << 20;
  private static final int MOST_FILES = 100_000;

  /**
   * Asks a hub for {@code GET /api/models/ORG/NAME/revision/REV?blobs=true}.
   *
   * @throws HubException if it refuses, or answers what cannot be understood or trusted
   * @throws IOException if trying again may help
   */
  static HubModel read(HubConnection hub, ModelName name) throws IOException {
    String path =
        "/api/models/"
            + name.repository()
            + "/revision/"
            + encoded(name.revision())
            + "?blobs=true";
    HttpResponse<InputStream> response = hub.get(name.toString(), path, Map.of());
    byte[] body;
    try (InputStream stream = response.body()) {
      body = stream.readNBytes(MOST_LISTING_BYTES + 1);
    }
    if (response.statusCode() != 200 || body.length > MOST_LISTING_BYTES) {
      throw new HubException(name + ": the hub's list of files is no list of files");
    }
    try {
      return parse(name, JsonMapper.shared().readTree(body));
    } catch (JacksonException e) {
      throw new HubException(
          name + ": the hub's list of files is not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private static HubModel parse(ModelName name, JsonNode json) {
    String commit = json.path("sha").asString("");
    if (!commit.matches("[A-Za-z0-9]{6,64}")) {
      throw new HubException(name + ": the hub names no commit: field sha of its list of files");
    }
    JsonNode siblings = json.path("siblings");
    if (!siblings.isArray() || siblings.size() > MOST_FILES) {
      throw new HubException(
          name
              + ": the hub lists no files: field siblings, expected a list of up to "
              + MOST_FILES);
    }
    SortedMap<String, HubFile> files = new TreeMap<>();
    for (JsonNode sibling : siblings) {
      HubFile file = file(sibling);
      requireHarmless(name, file.name());
      files.put(file.name(), file);
    }
    return new HubModel(name, commit, files);
  }

  private static HubFile file(JsonNode sibling) {
    String name = sibling.path("rfilename").asString("");
    JsonNode lfs = sibling.path("lfs");
    long size = lfs.path("size").asLong(sibling.path("size").asLong(-1));
    return new HubFile(
        name,
        size,
        hex(lfs.path("sha256").asString(lfs.path("oid").asString("")), 64),
        size < 0 || lfs.isObject() ? null : hex(sibling.path("blobId").asString(""), 40));
  }

  private static @Nullable String hex(String text, int digits) {
    return text.matches("[0-9a-f]{" + digits + "}") ? text : null;
  }

  /**
   * A file with a dangerous name may be one that nobody needs; the hub is not to be trusted then.
   */
  private static void requireHarmless(ModelName name, String file) {
    boolean leadsOut =
        file.isEmpty()
            || file.startsWith("/")
            || file.indexOf('\\') >= 0
            || file.indexOf('\0') >= 0
            || List.of(file.split("/", -1)).contains("..");
    if (leadsOut) {
      String shown = file.length() <= 80 ? file : file.substring(0, 80) + "...";
      throw new HubException(
          name + ": the hub lists a file '" + shown + "', which leads out of the model's folder");
    }
  }

  /** Where a file of this commit is. */
  String path(HubFile file) {
    StringBuilder path = new StringBuilder("/").append(name.repository());
    path.append("/resolve/").append(commit);
    for (String part : file.name().split("/", -1)) {
      path.append('/').append(encoded(part));
    }
    return path.toString();
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
