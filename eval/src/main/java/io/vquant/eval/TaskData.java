package io.vquant.eval;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The data of a task.
 *
 * @param name of the file it came from
 * @param text all of it
 */
public record TaskData(String name, String text) {

  /**
   * One line of JSON lines.
   *
   * @param number from 1
   */
  public record Line(TaskData data, int number, JsonNode fields) {

    /**
     * A field of text that is not blank.
     *
     * @throws MalformedTaskDataException if there is none
     */
    public String text(String field) {
      JsonNode value = fields.get(field);
      if (value == null || !value.isString() || value.asString().isBlank()) {
        throw bad(field, "a text");
      }
      return value.asString();
    }

    /**
     * A list of texts.
     *
     * @throws MalformedTaskDataException if there is none, or one shorter than {@code atLeast}
     */
    public List<String> texts(String field, int atLeast) {
      JsonNode value = fields.get(field);
      String expected = "a list of " + atLeast + " or more texts";
      if (value == null || !value.isArray() || value.size() < atLeast) {
        throw bad(field, expected);
      }
      List<String> texts = new ArrayList<>();
      for (JsonNode element : value) {
        if (!element.isString() || element.asString().isBlank()) {
          throw bad(field, expected);
        }
        texts.add(element.asString());
      }
      return texts;
    }

    /** What to throw when a field is absent or not as expected. */
    public MalformedTaskDataException bad(String field, String expected) {
      JsonNode value = fields.get(field);
      String found =
          value == null ? "no field '" + field + "'" : "field '" + field + "' is " + value;
      return new MalformedTaskDataException(
          data.name + " line " + number + ": " + shortened(found) + ", expected " + expected);
    }

    private static String shortened(String text) {
      return text.length() <= 120 ? text : text.substring(0, 120) + "...";
    }
  }

  /**
   * Reads JSON lines, one object each; blank lines are passed over.
   *
   * @throws MalformedTaskDataException if a line is no object, or there is none at all
   */
  public List<Line> lines() {
    List<Line> lines = new ArrayList<>();
    int number = 0;
    for (String line : (Iterable<String>) text.lines()::iterator) {
      number++;
      if (!line.isBlank()) {
        lines.add(new Line(this, number, object(line, number)));
      }
    }
    if (lines.isEmpty()) {
      throw new MalformedTaskDataException(name + ": empty, expected a JSON object a line");
    }
    return lines;
  }

  private JsonNode object(String line, int number) {
    JsonNode node;
    try {
      node = JsonMapper.shared().readTree(line);
    } catch (JacksonException e) {
      throw new MalformedTaskDataException(
          name + " line " + number + ": not JSON: " + e.getOriginalMessage(), e);
    }
    if (!node.isObject()) {
      throw new MalformedTaskDataException(
          name + " line " + number + ": not a JSON object, expected one a line");
    }
    return node;
  }
}
