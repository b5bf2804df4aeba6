package io.vquant.engine.cli;

import io.vquant.engine.InvalidPromptException;
import org.jspecify.annotations.Nullable;

/** Reads a message, has it answered or done, and so on to the end. */
final class ChatLoop {
  private final Interruption interruption;
  private final ChatScreen screen;
  private final ChatAnswers answers;
  private final ChatActions actions;
  private int exitCode = ExitCode.DONE;

  /** Whether the last thing the user did was Ctrl-C. */
  private boolean interrupted;

  ChatLoop(Interruption interruption, ChatScreen screen, ChatAnswers answers, ChatActions actions) {
    this.interruption = interruption;
    this.screen = screen;
    this.answers = answers;
    this.actions = actions;
  }

  /**
   * Runs the chat.
   *
   * @param first said before anything is read
   * @return the exit code: 130 when Ctrl-C was pressed twice; without a terminal that of the first
   *     line that could not be done
   */
  int run(@Nullable String first) {
    MessageReader reader = new MessageReader(screen);
    if (first != null) {
      answer(first);
    }
    while (!actions.isLeaving() && !interruption.isRequested()) {
      if (answers.interrupts() > 1) {
        return ExitCode.INTERRUPTED;
      }
      MessageReader.Message message;
      try {
        message = reader.next();
      } catch (PromptInterruptedException e) {
        if (interrupted && !e.anythingTyped()) {
          return ExitCode.INTERRUPTED;
        }
        interrupted = true;
        if (!interruption.isRequested()) {
          screen.note("(Ctrl-C again leaves; so do Ctrl-D and /exit)");
        }
        continue;
      } catch (CommandFailure e) {
        fail(e);
        continue;
      }
      if (message == null) {
        return exitCode;
      }
      interrupted = false;
      if (!message.text().isBlank()) {
        handle(message);
      }
    }
    return interruption.isRequested() ? ExitCode.INTERRUPTED : exitCode;
  }

  private void handle(MessageReader.Message message) {
    String text = message.text();
    boolean command = text.startsWith("/") && !message.quoted();
    if (command && !text.startsWith("//")) {
      attempt(() -> actions.run(text));
    } else {
      answer(command ? text.substring(1) : text);
    }
  }

  private void answer(String text) {
    attempt(() -> answers.say(text));
  }

  private void attempt(Runnable action) {
    answers.begin();
    try {
      action.run();
    } catch (CommandFailure e) {
      fail(e);
    } catch (InvalidPromptException e) {
      fail(CommandFailure.badInput(String.valueOf(e.getMessage()), e));
    }
    interrupted = answers.interrupts() > 0;
  }

  private void fail(CommandFailure failure) {
    screen.failure(String.valueOf(failure.getMessage()));
    if (!screen.isInteractive() && exitCode == ExitCode.DONE) {
      exitCode = failure.exitCode();
    }
  }
}
