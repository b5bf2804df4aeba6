package io.vquant.model;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A model's {@code config.json} is missing, damaged, contradicts itself or asks for something that
 * this engine does not compute. The message is one line: file, field, value, what was expected.
 */
public final class MalformedConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_PATH_CHARS = 4096;
  private static final int MAX_EXPECTED_CHARS = 400;

  private final transient Path file;
  private final @Nullable String field;

  /**
   * @param file the file at fault
   * @param field the field at fault, dotted from the root ({@code rope_scaling.factor}); null where
   *     the fault concerns the file as a whole
   * @param found what is there, as JSON or in words
   * @param expected what was expected, to be read after "expected"
   */
  public MalformedConfigException(
      Path file, @Nullable String field, String found, String expected) {
    super(message(file, field, found, expected));
    this.file = file;
    this.field = field;
  }

  public Path file() {
    return file;
  }

  /** The field at fault, or null where the fault concerns the file as a whole. */
  public @Nullable String field() {
    return field;
  }

  private static String message(Path file, @Nullable String field, String found, String expected) {
    String where = field == null ? "" : ": " + OneLine.of(field);
    return OneLine.of(file.toString(), MAX_PATH_CHARS)
        + where
        + " is "
        + OneLine.of(found)
        + ", expected "
        + OneLine.of(expected, MAX_EXPECTED_CHARS);
  }
}
