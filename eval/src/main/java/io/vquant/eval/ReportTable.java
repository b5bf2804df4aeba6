package io.vquant.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * How rows of one kind are written: fields for programs (JSON, CSV), columns for people (Markdown).
 *
 * @param fields in the order of a JSON object
 * @param columns from left to right
 */
public record ReportTable<R>(List<Field<R>> fields, List<Column<R>> columns) {
  private static final JsonMapper JSON = JsonMapper.shared();

  public ReportTable {
    fields = List.copyOf(fields);
    columns = List.copyOf(columns);
  }

  /**
   * A value by its name.
   *
   * @param value a text, number, truth value or list of them; null where a row has none
   * @param parts where not empty, the field is an object of these in place of {@code value}; in CSV
   *     they stand side by side
   */
  public record Field<R>(String name, Function<R, @Nullable Object> value, List<Field<R>> parts) {

    public Field {
      parts = List.copyOf(parts);
    }

    /** One value. */
    public static <R> Field<R> of(String name, Function<R, @Nullable Object> value) {
      return new Field<>(name, value, List.of());
    }

    /** An object. */
    public static <R> Field<R> of(String name, List<Field<R>> parts) {
      return new Field<>(name, row -> null, parts);
    }

    private @Nullable Object in(R row) {
      return parts.isEmpty() ? value.apply(row) : object(parts, row);
    }
  }

  /**
   * A column of the Markdown table.
   *
   * @param number aligned at the right
   */
  public record Column<R>(String title, boolean number, Function<R, String> cell) {

    /** A column of words. */
    public static <R> Column<R> text(String title, Function<R, String> cell) {
      return new Column<>(title, false, cell);
    }

    /** A column of numbers. */
    public static <R> Column<R> number(String title, Function<R, String> cell) {
      return new Column<>(title, true, cell);
    }
  }

  /** Rows as text that ends with a line break; numbers have a point whatever the locale. */
  public String format(List<R> rows, ReportFormat format) {
    return switch (format) {
      case MD -> markdown(rows);
      case CSV -> csv(rows);
      case JSON -> JSON.writerWithDefaultPrettyPrinter().writeValueAsString(objects(rows)) + "\n";
      case JSONL ->
          objects(rows).stream()
              .map(row -> JSON.writeValueAsString(row) + "\n")
              .collect(Collectors.joining());
    };
  }

  /** One object a row, its fields in order. */
  public List<Map<String, @Nullable Object>> objects(List<R> rows) {
    return rows.stream().map(row -> object(fields, row)).toList();
  }

  private static <R> Map<String, @Nullable Object> object(List<Field<R>> fields, R row) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    fields.forEach(field -> object.put(field.name(), field.in(row)));
    return object;
  }

  private String csv(List<R> rows) {
    List<Field<R>> flat =
        fields.stream()
            .flatMap(field -> (field.parts().isEmpty() ? List.of(field) : field.parts()).stream())
            .toList();
    StringBuilder text = new StringBuilder();
    text.append(flat.stream().map(Field::name).collect(Collectors.joining(","))).append('\n');
    for (R row : rows) {
      text.append(
              flat.stream()
                  .map(field -> quoted(plain(field.value().apply(row))))
                  .collect(Collectors.joining(",")))
          .append('\n');
    }
    return text.toString();
  }

  private static String plain(@Nullable Object value) {
    return switch (value) {
      case null -> "";
      case List<?> list -> list.stream().map(Object::toString).collect(Collectors.joining(" "));
      default -> value.toString();
    };
  }

  private static String quoted(String cell) {
    boolean plain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
    return plain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
  }

  private String markdown(List<R> rows) {
    List<List<String>> lines = new ArrayList<>();
    lines.add(columns.stream().map(Column::title).toList());
    for (R row : rows) {
      lines.add(
          columns.stream().map(column -> column.cell().apply(row).replace("|", "\\|")).toList());
    }
    StringBuilder text = new StringBuilder();
    for (int number = 0; number < lines.size(); number++) {
      text.append(aligned(lines, number));
      if (number == 0) {
        text.append(rule(lines));
      }
    }
    return text.toString();
  }

  private String aligned(List<List<String>> lines, int number) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < columns.size(); i++) {
      String cell = lines.get(number).get(i);
      String padding = " ".repeat(width(lines, i) - cell.length());
      boolean right = columns.get(i).number();
      text.append("| ").append(right ? padding + cell : cell + padding).append(' ');
    }
    return text.append("|\n").toString();
  }

  private String rule(List<List<String>> lines) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < columns.size(); i++) {
      text.append('|').append("-".repeat(width(lines, i) + 1));
      text.append(columns.get(i).number() ? ':' : '-');
    }
    return text.append("|\n").toString();
  }

  private static int width(List<List<String>> lines, int column) {
    return lines.stream().mapToInt(line -> line.get(column).length()).max().orElse(0);
  }
}
