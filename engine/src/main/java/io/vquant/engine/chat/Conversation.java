package io.vquant.engine.chat;

import io.vquant.engine.Engine;
import io.vquant.engine.FinishReason;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.GenerationResult;
import io.vquant.engine.GenerationSession;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A chat with a model. Its KV cache is kept from message to message: only what is new goes through
 * the model.
 *
 * <p>For one thread at a time, {@link #cancel} excepted. Close it before its engine.
 */
public final class Conversation implements AutoCloseable {
  private final Engine engine;
  private final PromptFormat format;
  private final GenerationSession session;
  private final List<Exchange> exchanges = new ArrayList<>();

  /** What goes into every prompt: tools, documents and arguments, and the first messages. */
  private ChatRequest frame;

  private int firstExchange;

  /**
   * An empty conversation.
   *
   * @param frame messages to begin with (a system message, or none) and what else the template gets
   * @throws io.vquant.engine.NotEnoughMemoryException if a full cache would not fit
   */
  public Conversation(Engine engine, PromptFormat format, ChatRequest frame) {
    this.engine = engine;
    this.format = format;
    this.session = engine.newSession();
    this.frame = frame;
    try {
      load(frame);
    } catch (RuntimeException e) {
      session.close();
      throw e;
    }
  }

  /**
   * Says something and has it answered.
   *
   * @return the answer, which is part of the conversation now; when cancelled, as much of it as
   *     there is
   * @throws MessageTooLongException if the message alone does not fit; the conversation is as
   *     before
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if the template refuses the message;
   *     the conversation is as before
   */
  public Answer say(String text, AnswerSettings settings, ConversationListener listener) {
    exchanges.add(Exchange.of(text));
    boolean kept = false;
    try {
      Answer answer = answerLast(settings, listener);
      kept = answer.kept();
      return answer;
    } finally {
      if (!kept) {
        exchanges.removeLast();
      }
    }
  }

  /**
   * Answers the last message of the user again, or for the first time.
   *
   * @return the answer, in place of the one there was; when cancelled before its first token, that
   *     one stays
   * @throws IllegalStateException if nothing has been said
   */
  public Answer regenerate(AnswerSettings settings, ConversationListener listener) {
    if (exchanges.isEmpty()) {
      throw new IllegalStateException("nothing has been said yet");
    }
    Exchange before = exchanges.removeLast();
    exchanges.add(before.unanswered());
    boolean kept = false;
    try {
      Answer answer = answerLast(settings, listener);
      kept = answer.kept();
      return answer;
    } finally {
      if (!kept) {
        exchanges.set(exchanges.size() - 1, before);
      }
    }
  }

  private Answer answerLast(AnswerSettings settings, ConversationListener listener) {
    int last = exchanges.size() - 1;
    ContextFit fit =
        ContextFit.of(
            first -> prompt(first, true),
            firstExchange,
            last,
            engine.contextLength(),
            settings.maxTokens(),
            listener);
    EncodedText prompt = fit.prompt();
    ThinkingText text = new ThinkingText(ThinkingText.isOpenAtEnd(prompt.text()), listener::onText);
    GenerationResult result =
        session.generate(
            settings.request(prompt.ids(), last, exchanges.getLast().attempts()),
            progress(prompt.length(), text, listener));
    text.finish();
    boolean kept = result.tokenIds().length > 0 || result.finishReason() != FinishReason.CANCELLED;
    if (kept) {
      firstExchange = fit.firstExchange();
      exchanges.set(
          last,
          exchanges.get(last).answered(result.text(), prompt.length(), spoken(prompt, result)));
    }
    return new Answer(result, prompt.length(), kept);
  }

  private static GenerationListener progress(
      int promptTokens, ThinkingText text, ConversationListener listener) {
    return new GenerationListener() {
      @Override
      public void onPrefill(long done, long total) {
        if (total > 0) {
          listener.onPrefill((int) (promptTokens * done / total), promptTokens);
        }
      }

      @Override
      public void onText(String piece) {
        text.push(piece);
      }
    };
  }

  /** The conversation with the tokens it was held in; with the ending token, and without. */
  private List<EncodedText> spoken(EncodedText prompt, GenerationResult result) {
    List<EncodedText> spoken = new ArrayList<>();
    int[] ids = result.tokenIds();
    if (result.finishReason() == FinishReason.STOP) {
      int end = ids[ids.length - 1];
      if (format.tokenizer().hasToken(end)) {
        spoken.add(prompt.then(result.text() + format.tokenizer().token(end), ids));
      }
      ids = Arrays.copyOf(ids, ids.length - 1);
    }
    spoken.add(prompt.then(result.text(), ids));
    return spoken;
  }

  /** The prompt of all exchanges from {@code first} on. */
  private EncodedText prompt(int first, boolean forAnswer) {
    List<ChatMessage> messages = new ArrayList<>(frame.messages());
    for (Exchange exchange : exchanges.subList(first, exchanges.size())) {
      messages.addAll(exchange.messages());
    }
    int before = exchanges.size() - 2;
    List<EncodedText> known = before < first ? List.of() : exchanges.get(before).spoken();
    return format.encode(request(messages, forAnswer), known);
  }

  private ChatRequest request(List<ChatMessage> messages, boolean forAnswer) {
    return new ChatRequest(
        messages,
        frame.tools(),
        frame.documents(),
        forAnswer,
        frame.templateName(),
        frame.arguments());
  }

  /**
   * Takes back the last message of the user and what followed it.
   *
   * @return what the user had said; empty when there is nothing to take back
   */
  public Optional<ChatMessage> undo() {
    if (exchanges.isEmpty()) {
      return Optional.empty();
    }
    ChatMessage question = exchanges.removeLast().question();
    firstExchange = Math.min(firstExchange, exchanges.size());
    return Optional.of(question);
  }

  /** Forgets everything but what the conversation began with. */
  public void clear() {
    exchanges.clear();
    firstExchange = 0;
  }

  /**
   * Takes another conversation in place of this one, if the template accepts it.
   *
   * @throws io.vquant.tokenizer.chat.jinja.TemplateException if it does not; this conversation is
   *     as before
   * @throws IllegalArgumentException if the model lacks the template asked for, or the text is too
   *     long
   */
  public void load(ChatRequest saved) {
    if (!saved.messages().isEmpty()) {
      format.encode(saved.withoutGenerationPrompt(), List.of());
    }
    List<ChatMessage> messages = saved.messages();
    int preamble = Exchange.preambleLength(messages);
    frame =
        new ChatRequest(
            messages.subList(0, preamble),
            saved.tools(),
            saved.documents(),
            true,
            saved.templateName(),
            saved.arguments());
    exchanges.clear();
    exchanges.addAll(Exchange.split(messages));
    firstExchange = 0;
  }

  /** All that was said, with what else the template gets; {@link #load} takes it. */
  public ChatRequest saved() {
    List<ChatMessage> messages = new ArrayList<>(frame.messages());
    exchanges.forEach(exchange -> messages.addAll(exchange.messages()));
    return request(messages, false);
  }

  /** Messages of the user. */
  public int exchangeCount() {
    return exchanges.size();
  }

  /** Exchanges, the oldest, that no longer fit and are not part of prompts. */
  public int forgottenExchanges() {
    return firstExchange;
  }

  /** Whether the last message of the user has an answer. */
  public boolean isAnswered() {
    return !exchanges.isEmpty() && exchanges.getLast().isAnswered();
  }

  /**
   * The last answer's tokens after those of its prompt; empty if it was not made here.
   *
   * @see #lastPromptTokens
   */
  public int[] lastTokenIds() {
    return exchanges.isEmpty() || exchanges.getLast().spoken().isEmpty()
        ? new int[0]
        : exchanges.getLast().spoken().getFirst().ids();
  }

  /** How many of {@link #lastTokenIds} are the prompt's. */
  public int lastPromptTokens() {
    return exchanges.isEmpty() ? 0 : exchanges.getLast().promptTokens();
  }

  /** Ends the answer under way soon; may be called by any thread. */
  public void cancel() {
    session.cancel();
  }

  /** The session behind it: its tokens and cache are those of the last answer. */
  public GenerationSession session() {
    return session;
  }

  @Override
  public void close() {
    session.close();
  }
}
