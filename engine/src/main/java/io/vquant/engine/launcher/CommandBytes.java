package io.vquant.engine.launcher;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The command line of a process as the bytes the system keeps. Java decodes arguments with the
 * locale's charset, which in the POSIX locale loses every letter outside ASCII; the bytes still
 * have them.
 */
final class CommandBytes {
  private final List<byte[]> words;
  private final int argumentCount;

  private CommandBytes(List<byte[]> words, int argumentCount) {
    this.words = words;
    this.argumentCount = Math.min(argumentCount, words.size());
  }

  static CommandBytes ofThisProcess(int argumentCount) {
    return of("self", argumentCount);
  }

  /**
   * Reads the command line of {@code process}.
   *
   * @param process a process id, or {@code self}
   * @param argumentCount how many words at the end are the program's arguments
   */
  static CommandBytes of(String process, int argumentCount) {
    List<byte[]> words = new ArrayList<>();
    try {
      byte[] bytes = Files.readAllBytes(Path.of("/proc", process, "cmdline"));
      int start = 0;
      for (int i = 0; i < bytes.length; i++) {
        if (bytes[i] == 0) {
          words.add(java.util.Arrays.copyOfRange(bytes, start, i));
          start = i + 1;
        }
      }
    } catch (IOException e) {
      words.clear(); // no /proc: the decoded arguments have to do
    }
    return new CommandBytes(words, argumentCount);
  }

  /** Whether an argument has bytes outside ASCII that this process's locale cannot decode. */
  boolean isUnreadableHere() {
    if (isUtf8(System.getProperty("sun.jnu.encoding", ""))) {
      return false;
    }
    for (byte[] argument : words.subList(words.size() - argumentCount, words.size())) {
      for (byte value : argument) {
        if (value < 0) {
          return true;
        }
      }
    }
    return false;
  }

  /** The arguments, read as UTF-8. */
  String[] arguments() {
    String[] arguments = new String[argumentCount];
    for (int i = 0; i < argumentCount; i++) {
      arguments[i] =
          new String(words.get(words.size() - argumentCount + i), StandardCharsets.UTF_8);
    }
    return arguments;
  }

  /** The options of the Java machine that the user gave: what stands before {@code -jar}. */
  List<String> javaOptions() {
    List<String> options = new ArrayList<>();
    for (byte[] word : words.subList(Math.min(1, words.size()), words.size() - argumentCount)) {
      String option = new String(word, StandardCharsets.UTF_8);
      if (option.equals("-jar")) {
        return options;
      }
      options.add(option);
    }
    return List.of(); // started by class name: the class path is handed on in another way
  }

  static boolean isUtf8(String charset) {
    return charset.equalsIgnoreCase("UTF-8") || charset.equalsIgnoreCase("UTF8");
  }
}
