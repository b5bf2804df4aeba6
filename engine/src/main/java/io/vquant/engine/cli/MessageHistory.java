package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import org.jline.reader.impl.history.DefaultHistory;

/** Remembers whole messages, however many lines they were typed in. */
final class MessageHistory extends DefaultHistory {
  private static final long MAX_FILE_BYTES = 16 << 20;

  /** The reader offers every line; messages come by {@link #remember}. */
  @Override
  public void add(Instant time, String line) {}

  void remember(String message) {
    super.add(Instant.now(), message);
  }

  /**
   * Puts a file aside that this class could not have written, so that it does no harm.
   *
   * @return whether it did
   * @throws IOException if the file cannot be read or renamed
   */
  static boolean putAsideIfDamaged(Path file) throws IOException {
    boolean damaged = Files.size(file) > MAX_FILE_BYTES;
    if (!damaged) {
      try {
        List<String> lines = Files.readAllLines(file);
        damaged = !lines.stream().allMatch(line -> line.matches("\\d{1,18}:.*"));
      } catch (java.nio.charset.CharacterCodingException e) {
        damaged = true;
      }
    }
    if (damaged) {
      Path aside = file.resolveSibling(file.getFileName() + ".damaged");
      Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
    }
    return damaged;
  }
}
