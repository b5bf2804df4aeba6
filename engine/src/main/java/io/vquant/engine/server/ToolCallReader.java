package io.vquant.engine.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finds calls of tools in an answer that comes in pieces. Text before them goes through; from the
 * first marker on all is held back, and at the end turned into calls. What is not a call of a tool
 * that exists stays text, as it came.
 */
final class ToolCallReader {
  private static final String HERMES_END = "</tool_call>";

  private final ToolCallStyle style;
  private final Set<String> toolNames;
  private final Supplier<String> ids;
  private final StringBuilder held = new StringBuilder();
  private final List<ToolCall> calls = new ArrayList<>();
  private boolean inCalls;
  private boolean toldText;

  /**
   * @param toolNames of the request
   * @param ids gives each call its id
   */
  ToolCallReader(ToolCallStyle style, Set<String> toolNames, Supplier<String> ids) {
    this.style = style;
    this.toolNames = Set.copyOf(toolNames);
    this.ids = ids;
  }

  /** Takes more text and gives what is certainly no part of a call. */
  String push(String piece) {
    held.append(piece);
    if (inCalls) {
      return "";
    }
    int start = startOfCalls();
    if (start >= 0) {
      inCalls = true;
      String before = take(start);
      return toldText ? before : ""; // blanks before calls are no answer
    }
    return take(held.length() - heldBackChars());
  }

  private int startOfCalls() {
    if (style == ToolCallStyle.LLAMA && !toldText) {
      int first = 0;
      while (first < held.length() && Character.isWhitespace(held.charAt(first))) {
        first++;
      }
      if (first < held.length() && held.charAt(first) == '{') {
        return first;
      }
    }
    return held.indexOf(style.marker());
  }

  /** Length of the end that may be the beginning of a marker; blanks at the beginning wait too. */
  private int heldBackChars() {
    if (!toldText && held.chars().allMatch(Character::isWhitespace)) {
      return held.length();
    }
    String marker = style.marker();
    for (int chars = Math.min(marker.length() - 1, held.length()); chars > 0; chars--) {
      if (marker.startsWith(held.substring(held.length() - chars))) {
        return chars;
      }
    }
    return 0;
  }

  private String take(int chars) {
    String text = held.substring(0, chars);
    held.delete(0, chars);
    toldText |= !text.isBlank();
    return text;
  }

  /** Ends the answer: text that turned out not to be a call. */
  String finish() {
    String rest = held.toString();
    held.setLength(0);
    if (!inCalls) {
      return rest;
    }
    List<ToolCall> found = new ArrayList<>();
    String left = parse(rest, found);
    if (left == null) {
      return rest;
    }
    calls.addAll(found);
    return left;
  }

  /** The calls found, once the answer has ended. */
  List<ToolCall> calls() {
    return calls;
  }

  /** The text around the calls; null if they are no calls. */
  private @Nullable String parse(String text, List<ToolCall> found) {
    return switch (style) {
      case HERMES -> parseHermes(text, found);
      case MISTRAL -> parseMistral(text.substring(style.marker().length()), found);
      case LLAMA -> parseLlama(text, found);
    };
  }

  private @Nullable String parseHermes(String text, List<ToolCall> found) {
    StringBuilder left = new StringBuilder();
    int at = 0;
    while (true) {
      int begin = text.indexOf(style.marker(), at);
      if (begin < 0) {
        return left.append(text, at, text.length()).toString().strip();
      }
      left.append(text, at, begin);
      int body = begin + style.marker().length();
      int end = text.indexOf(HERMES_END, body);
      String json = text.substring(body, end < 0 ? text.length() : end);
      if (!(value(json) instanceof Map<?, ?> call) || !add(call, found)) {
        return null;
      }
      at = end < 0 ? text.length() : end + HERMES_END.length();
    }
  }

  /** A list of calls; since 2025 {@code name[ARGS]{...}} one after the other. */
  private @Nullable String parseMistral(String text, List<ToolCall> found) {
    if (value(text) instanceof List<?> list) {
      for (Object entry : list) {
        if (!(entry instanceof Map<?, ?> call) || !add(call, found)) {
          return null;
        }
      }
      return found.isEmpty() ? null : "";
    }
    for (String part : text.split(Pattern.quote(style.marker()), -1)) {
      int arguments = part.indexOf("[ARGS]");
      int body = arguments < 0 ? part.indexOf('{') : arguments + "[ARGS]".length();
      if (body < 0 || !(value(part.substring(body)) instanceof Map<?, ?> values)) {
        return null;
      }
      String head = part.substring(0, arguments < 0 ? body : arguments);
      int callId = head.indexOf("[CALL_ID]");
      String name = (callId < 0 ? head : head.substring(0, callId)).strip();
      if (!add(name, values, found)) {
        return null;
      }
    }
    return found.isEmpty() ? null : "";
  }

  private @Nullable String parseLlama(String text, List<ToolCall> found) {
    String json = text.startsWith(style.marker()) ? text.substring(style.marker().length()) : text;
    try (JsonParser parser = JsonMapper.shared().createParser(json)) {
      while (parser.nextToken() != null) { // several calls may follow each other after ";"
        if (!(parser.readValueAs(Object.class) instanceof Map<?, ?> call) || !add(call, found)) {
          return null;
        }
        int end = (int) parser.currentLocation().getCharOffset();
        String more = json.substring(Math.min(json.length(), Math.max(0, end))).strip();
        if (more.isEmpty()) {
          return "";
        }
        if (!more.startsWith(";")) {
          return null;
        }
        return parseLlama(more.substring(1).strip(), found);
      }
    } catch (JacksonException notJson) {
      return null;
    }
    return found.isEmpty() ? null : "";
  }

  private boolean add(Map<?, ?> call, List<ToolCall> found) {
    Object arguments =
        call.containsKey("arguments") ? call.get("arguments") : call.get("parameters");
    if (arguments instanceof String text) {
      arguments = value(text);
    }
    return call.get("name") instanceof String name
        && (arguments == null || arguments instanceof Map<?, ?>)
        && add(name, arguments == null ? Map.of() : (Map<?, ?>) arguments, found);
  }

  private boolean add(String name, Map<?, ?> arguments, List<ToolCall> found) {
    if (!toolNames.contains(name)) {
      return false;
    }
    found.add(new ToolCall(ids.get(), name, Json.write(arguments)));
    return true;
  }

  private static @Nullable Object value(String json) {
    try {
      return Json.read(json);
    } catch (JacksonException notJson) {
      return null;
    }
  }
}
