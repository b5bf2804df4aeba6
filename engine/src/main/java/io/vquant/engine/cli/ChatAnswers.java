package io.vquant.engine.cli;

import io.vquant.engine.FinishReason;
import io.vquant.engine.chat.Answer;
import io.vquant.engine.chat.ContextOverflow;
import io.vquant.engine.chat.Conversation;
import io.vquant.engine.chat.ConversationListener;
import io.vquant.engine.chat.MessageTooLongException;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Has messages answered, and shows the answers as they come. */
final class ChatAnswers {
  private final CommandContext context;
  private final OutputOptions output;
  private final ChatScreen screen;
  private final Conversation conversation;
  private final ChatSettings settings;
  private final ChatFigures figures;

  /** Ctrl-C pressed during the answer under way. */
  private final AtomicInteger interrupts = new AtomicInteger();

  ChatAnswers(
      CommandContext context,
      OutputOptions output,
      ChatScreen screen,
      Conversation conversation,
      ChatSettings settings,
      ChatFigures figures) {
    this.context = context;
    this.output = output;
    this.screen = screen;
    this.conversation = conversation;
    this.settings = settings;
    this.figures = figures;
    screen.onInterrupt(this::interrupt);
  }

  private void interrupt() {
    interrupts.incrementAndGet();
    conversation.cancel();
  }

  /** Ctrl-C during what was done last. */
  int interrupts() {
    return interrupts.get();
  }

  /** Begins something that Ctrl-C, or a signal, can stop. */
  void begin() {
    interrupts.set(0);
    context.interruption().onRequest(conversation::cancel);
  }

  boolean isStopped() {
    return interrupts.get() > 0 || context.interruption().isRequested();
  }

  /** Answers a message. */
  void say(String text) {
    InputText.requireWellFormed(text, "the message");
    TokenIds.requireTextFits(text);
    run(
        listener -> conversation.say(text, settings.current(), listener),
        "the message is taken back");
  }

  /** Answers the last message again. */
  void regenerate() {
    if (conversation.exchangeCount() == 0) {
      throw CommandFailure.badInput("/regen: nothing has been said yet");
    }
    if (conversation.isAnswered() && settings.current().sampling().isGreedy()) {
      screen.note("temperature is 0: the answer will be the same (/set temp 0.7 changes that)");
    }
    run(
        listener -> conversation.regenerate(settings.current(), listener),
        "the conversation is as it was");
  }

  private void run(Function<ConversationListener, Answer> question, String whenNothingCame) {
    ProgressBar bar = ProgressBar.ofTokens(context.console().err(), "prefill", System.nanoTime());
    View view = new View(bar);
    Answer answer;
    try {
      answer = question.apply(view);
    } catch (MessageTooLongException e) {
      throw CommandFailure.badInput(e.getMessage(), e);
    } catch (TemplateException e) {
      throw CommandFailure.badInput("the chat template refuses this: " + e.getMessage(), e);
    } finally {
      bar.close();
      view.endLine();
    }
    if (!answer.kept()) {
      screen.note("stopped before the answer began: " + whenNothingCame);
      return;
    }
    screen.note(figures.add(answer));
    if (answer.finishReason() == FinishReason.CONTEXT) {
      screen.note(
          "the context is full, so the answer ends here; the oldest messages will be left out of"
              + " what comes next, /clear begins anew");
    }
  }

  /** Shows one answer. */
  private final class View implements ConversationListener {
    private final ProgressBar bar;
    private boolean anyText;
    private boolean lineOpen;

    View(ProgressBar bar) {
      this.bar = bar;
    }

    @Override
    public void onOverflow(ContextOverflow overflow) {
      screen.note(
          String.format(
              "the conversation has %d tokens, the context holds %d: leaving out the oldest %s"
                  + " (%d tokens); /save keeps all of it",
              overflow.promptTokens(),
              overflow.contextLength(),
              overflow.forgottenExchanges() == 1
                  ? "message and its answer"
                  : overflow.forgottenExchanges() + " messages and their answers",
              overflow.forgottenTokens()));
    }

    @Override
    public void onPrefill(int doneTokens, int promptTokens) {
      if (output.showsProgress()) {
        bar.update(doneTokens, promptTokens, System.nanoTime());
      }
      if (isStopped()) {
        conversation.cancel();
      }
    }

    @Override
    public void onText(String piece, boolean thinking) {
      if (!anyText) {
        anyText = true;
        bar.close();
      }
      screen.answer(piece, thinking);
      lineOpen = !piece.endsWith("\n");
      if (isStopped()) {
        conversation.cancel();
      }
    }

    void endLine() {
      if (lineOpen) {
        screen.answer("\n", false);
        lineOpen = false;
      }
    }
  }
}
