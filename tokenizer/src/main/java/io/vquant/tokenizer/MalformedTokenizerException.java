package io.vquant.tokenizer;

import java.nio.file.Path;

/**
 * A tokenizer file that is missing, damaged, or not what the Hugging Face formats allow. The
 * message is one line: file, field, expected, found.
 */
public final class MalformedTokenizerException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_FOUND_CHARS = 300;

  private final transient Path file;
  private final String field;

  /**
   * @param field where in the file, such as {@code model.vocab}; empty when the file as a whole is
   *     meant
   */
  public MalformedTokenizerException(Path file, String field, String expected, String found) {
    this(file, field, expected, found, null);
  }

  MalformedTokenizerException(
      Path file,
      String field,
      String expected,
      String found,
      @org.jspecify.annotations.Nullable Throwable cause) {
    super(
        "%s: %sexpected %s, found %s"
            .formatted(
                file, field.isEmpty() ? "" : oneLine(field) + ": ", expected, oneLine(found)),
        cause);
    this.file = file;
    this.field = field;
  }

  /** The file at fault. */
  public Path file() {
    return file;
  }

  /** Where in the file; empty when the file as a whole is meant. */
  public String field() {
    return field;
  }

  private static String oneLine(String text) {
    String line = text.strip().replaceAll("\\p{Cntrl}+", " ");
    return line.length() <= MAX_FOUND_CHARS ? line : line.substring(0, MAX_FOUND_CHARS) + "...";
  }
}
