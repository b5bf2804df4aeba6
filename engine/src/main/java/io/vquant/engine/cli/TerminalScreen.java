package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jline.reader.Candidate;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.Terminal.Signal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/**
 * A chat in a terminal: lines are edited, remembered and pasted with JLine. What a model says is
 * shown without its control characters, which could do anything to a terminal.
 */
final class TerminalScreen implements ChatScreen {
  private static final String DIM = "\u001b[2m";
  private static final String BOLD = "\u001b[1m";
  private static final String RED = "\u001b[31m";
  private static final String NORMAL = "\u001b[0m";

  private final Terminal terminal;
  private final LineReader reader;
  private final MessageHistory history;
  private final Interruption interruption;
  private final boolean colours;
  private final boolean notes;
  private final Thread thread = Thread.currentThread();

  /**
   * A screen on a terminal that it closes.
   *
   * @param history null: nothing is remembered beyond this chat
   * @param commands completed by the tabulator key
   */
  TerminalScreen(
      Terminal terminal,
      Interruption interruption,
      @Nullable Path history,
      List<String> commands,
      boolean colours,
      boolean notes) {
    this.terminal = terminal;
    this.interruption = interruption;
    this.colours = colours;
    this.notes = notes;
    this.history = new MessageHistory();
    LineReaderBuilder builder =
        LineReaderBuilder.builder()
            .appName("vquant")
            .terminal(terminal)
            .history(this.history)
            .parser(new DefaultParser().escapeChars(null).quoteChars(null))
            .completer((lineReader, line, candidates) -> {
              if (line.line().startsWith("/") && line.wordIndex() == 0) {
                commands.forEach(name -> candidates.add(new Candidate(name)));
              }
            })
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .option(LineReader.Option.BRACKETED_PASTE, true)
            .variable(LineReader.HISTORY_SIZE, 1000)
            .variable(LineReader.HISTORY_FILE_SIZE, 2000);
    if (history != null) {
      builder.variable(LineReader.HISTORY_FILE, history);
    }
    reader = builder.build();
  }

  /** The process's own terminal. */
  static Terminal ofProcess() {
    try {
      Terminal terminal =
          TerminalBuilder.builder()
              .system(true)
              .nativeSignals(true)
              .encoding(StandardCharsets.UTF_8)
              .build();
      if (terminal.getWidth() <= 0 || terminal.getHeight() <= 0) {
        terminal.setSize(new Size(80, 24)); // some pseudo-terminals do not say
      }
      return terminal;
    } catch (IOException | IllegalStateException e) {
      throw CommandFailure.badInput("the terminal cannot be used: " + e.getMessage(), e);
    }
  }

  /** Whether colours may be used: see no-color.org. */
  static boolean colours(Map<String, String> environment) {
    return environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !environment.getOrDefault("TERM", "dumb").equals("dumb");
  }

  /** A signal other than Ctrl-C looks like one here, so that the terminal is left in order. */
  @Override
  public @Nullable String readLine(String prompt) {
    interruption.onRequest(thread::interrupt);
    try {
      return reader.readLine(styled(BOLD, prompt));
    } catch (UserInterruptException e) {
      throw new PromptInterruptedException(!e.getPartialLine().isBlank());
    } catch (EndOfFileException e) {
      return null;
    }
  }

  @Override
  public void remember(String message) {
    history.remember(message);
  }

  @Override
  public void onInterrupt(Runnable action) {
    terminal.handle(Signal.INT, _ -> action.run());
  }

  @Override
  public void answer(String piece, boolean dimmed) {
    print(dimmed ? styled(DIM, harmless(piece)) : harmless(piece));
  }

  @Override
  public void show(String lines) {
    print(harmless(lines));
  }

  @Override
  public void note(String line) {
    if (notes) {
      print(styled(DIM, Console.oneLine(line)) + "\n");
    }
  }

  @Override
  public void failure(String line) {
    print(styled(RED, Console.oneLine(line)) + "\n");
  }

  @Override
  public boolean isInteractive() {
    return true;
  }

  private String styled(String style, String text) {
    return colours ? style + text + NORMAL : text;
  }

  private void print(String text) {
    terminal.writer().print(text);
    terminal.writer().flush();
  }

  /** Line breaks and tabulators stay. */
  private static String harmless(String text) {
    StringBuilder kept = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isISOControl(c) || c == '\n' || c == '\t') {
        kept.append(c);
      }
    }
    return kept.toString();
  }

  @Override
  public void close() {
    try {
      terminal.close();
    } catch (IOException e) {
      throw CommandFailure.badInput("the terminal cannot be used: " + e.getMessage(), e);
    }
  }
}
