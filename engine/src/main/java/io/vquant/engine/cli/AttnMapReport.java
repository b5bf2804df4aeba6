package io.vquant.engine.cli;

import io.vquant.engine.attention.AttentionMap;
import io.vquant.engine.attention.KeptTokens;
import io.vquant.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Formatter;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code attn-map} prints: maps in letters with the lines of each KV head, or JSON. */
final class AttnMapReport {
  /** Columns and rows of a map in letters. */
  static final int CELLS = 96;

  private static final String SHADES = " .:-=+*#%@";

  private final Tokenizer tokenizer;
  private final String model;
  private final int layer;
  private final int[] ids;
  private final List<Head> heads = new ArrayList<>();

  private record Head(int queryHead, int kvHead, KeptTokens kept, AttentionMap map) {}

  AttnMapReport(Tokenizer tokenizer, String model, int layer, int[] ids) {
    this.tokenizer = tokenizer;
    this.model = model;
    this.layer = layer;
    this.ids = ids;
  }

  void add(int queryHead, int kvHead, KeptTokens kept, AttentionMap map) {
    heads.add(new Head(queryHead, kvHead, kept, map));
  }

  /** The text, ending with a line break. */
  String asText() {
    Set<Integer> listed = new HashSet<>();
    try (Formatter text = new Formatter(Locale.ROOT)) {
      text.format("%s, layer %d, %d tokens%n", model, layer, ids.length);
      for (Head head : heads) {
        addMap(text, head);
        if (listed.add(head.kvHead())) {
          addLines(text, head);
        } else {
          text.format("lines of KV head %d: above%n", head.kvHead());
        }
      }
      return text.toString();
    }
  }

  private static void addMap(Formatter text, Head head) {
    AttentionMap map = head.map();
    text.format(
        "%nhead %d (KV head %d): S sink, L line, w window; a blank is a weight of %.0e or less%n",
        head.queryHead(), head.kvHead(), AttentionMap.FAINTEST);
    StringBuilder kinds = new StringBuilder();
    for (KeptTokens.Kind kind : map.kinds(head.kept())) {
      kinds.append(
          switch (kind) {
            case SINK -> 'S';
            case LINE -> 'L';
            case WINDOW -> 'w';
            case QUANTIZED -> '-';
          });
    }
    text.format("%s%n", kinds);
    for (int query = 0; query < map.cells(); query++) {
      StringBuilder row = new StringBuilder();
      for (int key = 0; key <= query; key++) {
        double brightness = AttentionMap.brightness(map.weight(query, key));
        row.append(SHADES.charAt((int) Math.round(brightness * (SHADES.length() - 1))));
      }
      text.format("%s%n", row.toString().stripTrailing());
    }
  }

  private void addLines(Formatter text, Head head) {
    KeptTokens kept = head.kept();
    text.format(
        "KV head %d: %d lines hold %.1f %% of the a^2 outside the window of %d%n",
        head.kvHead(), kept.lines().length, 100 * kept.coveredShare(), kept.window());
    text.format("%8s  %-9s  %-9s  token%n", "position", "mean a^2", "mean a");
    for (int position : kept.lines()) {
      text.format(
          "%8d  %9.3e  %9.3e  %s%n",
          position, kept.squaredWeights()[position], kept.weights()[position], visible(position));
    }
  }

  /** A token's text in quotes, with control characters escaped: the map must stay in shape. */
  private String visible(int position) {
    StringBuilder escaped = new StringBuilder("\"");
    for (char c : text(position).toCharArray()) {
      switch (c) {
        case '\n' -> escaped.append("\\n");
        case '\t' -> escaped.append("\\t");
        case '"', '\\' -> escaped.append('\\').append(c);
        default -> {
          if (Character.isISOControl(c)) {
            escaped.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
          } else {
            escaped.append(c);
          }
        }
      }
    }
    return escaped.append('"').toString();
  }

  /** What the token decodes to; its name where that is nothing or half a character. */
  private String text(int position) {
    String decoded = tokenizer.decode(new int[] {ids[position]}, false);
    boolean partial = decoded.isEmpty() || decoded.indexOf('\ufffd') >= 0;
    return partial ? tokenizer.token(ids[position]) : decoded;
  }

  /** One line a token: position, id, text, scores, and what is kept of it. */
  byte[] csv(KeptTokens kept) {
    StringBuilder csv = new StringBuilder("position,token_id,token,mean_a2,mean_a,kept\n");
    for (int position = 0; position < ids.length; position++) {
      csv.append(position).append(',').append(ids[position]).append(",\"");
      csv.append(text(position).replace("\"", "\"\"")).append("\",");
      csv.append(kept.squaredWeights()[position]).append(',');
      csv.append(kept.weights()[position]).append(',');
      csv.append(kept.kind(position).name().toLowerCase(Locale.ROOT)).append('\n');
    }
    return csv.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** The JSON object. */
  JsonText asJson() {
    List<Map<String, @Nullable Object>> all = new ArrayList<>();
    for (Head head : heads) {
      KeptTokens kept = head.kept();
      List<Map<String, @Nullable Object>> lines = new ArrayList<>();
      for (int position : kept.lines()) {
        lines.add(
            new JsonText()
                .put("position", position)
                .put("token_id", ids[position])
                .put("token", text(position))
                .put("mean_a2", kept.squaredWeights()[position])
                .put("mean_a", kept.weights()[position])
                .fields());
      }
      all.add(
          new JsonText()
              .put("head", head.queryHead())
              .put("kv_head", head.kvHead())
              .put("window", kept.window())
              .put("covered_share", kept.coveredShare())
              .put("lines", lines)
              .fields());
    }
    return new JsonText()
        .put("model", model)
        .put("layer", layer)
        .put("tokens", ids.length)
        .put("heads", all);
  }
}
