package io.vquant.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.engine.FinishReason;
import io.vquant.engine.GenerationStats;
import io.vquant.engine.SamplingParams;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversations with the bundled model: what is computed, and what it says. */
class ConversationTest {
  private static final String STORY =
      "Tell me a story about a brave fox who wants to learn to swim.";

  /** A name told first comes back from under a story, out of the packed cache. */
  @Test
  void aNameIsRecalledFromThePackedCache() {
    try (ChatModel model = ChatModel.open("k4v4", 2048);
        Conversation chat = model.conversation()) {
      AnswerSettings settings = ChatModel.greedy(-1);
      chat.say("My name is Zorvina.", settings, ConversationListener.NONE);
      chat.say(STORY, settings, ConversationListener.NONE);
      Answer recalled = chat.say("What is my name?", settings, ConversationListener.NONE);
      assertThat(recalled.text()).contains("Zorvina");
      assertThat(chat.session().kvUsage().layers())
          .as("the name's tokens are packed by now")
          .allSatisfy(layer -> assertThat(layer.windowStart()).isGreaterThan(64));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "auto"})
  void onlyWhatIsNewGoesThroughTheModel(String kv) {
    try (ChatModel model = ChatModel.open(kv, 2048);
        Conversation chat = model.conversation(ChatMessage.system("You tell stories."))) {
      AnswerSettings settings = ChatModel.greedy(-1);
      int known = 0;
      for (String message : List.of("My name is Zorvina.", STORY, "Count to 12.")) {
        int newTokens = turnTokens(model, message);
        Answer answer = chat.say(message, settings, ConversationListener.NONE);
        GenerationStats stats = answer.stats();
        assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
        if (known > 0) {
          // The cache lacks the ending token, which was chosen but not read, and the new turn.
          assertThat(stats.cachedTokens()).as("%s: %s", kv, message).isEqualTo(known - 1);
          assertThat(stats.prefillTokens()).as("%s: %s", kv, message).isEqualTo(newTokens + 1);
        }
        known = chat.session().tokenIds().length;
        assertThat(known).isEqualTo(answer.promptTokens() + answer.result().tokenIds().length);
      }
    }
  }

  /** Tokens from after an answer's end to where the next one begins. */
  private static int turnTokens(ChatModel model, String message) {
    List<ChatMessage> before = List.of(ChatMessage.user("x"), ChatMessage.assistant("y"));
    List<ChatMessage> after = new ArrayList<>(before);
    after.add(ChatMessage.user(message));
    int[] whole = encode(model, ChatRequest.of(after));
    int[] start = encode(model, ChatRequest.of(before).withoutGenerationPrompt());
    int lineBreak = 1; // the template ends the assistant's turn with one, after the ending token
    return whole.length - start.length + lineBreak;
  }

  private static int[] encode(ChatModel model, ChatRequest request) {
    var tokenizer = model.chatTokenizer();
    return tokenizer.encode(tokenizer.render(request));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "auto"})
  void undoGoesBackExactly(String kv) {
    AnswerSettings settings = ChatModel.greedy(100);
    try (ChatModel model = ChatModel.open(kv, 2048);
        Conversation straight = model.conversation();
        Conversation winding = model.conversation()) {
      straight.say("My name is Zorvina.", settings, ConversationListener.NONE);
      straight.say(STORY, settings, ConversationListener.NONE);
      Answer expected = straight.say("What is my name?", settings, ConversationListener.NONE);

      winding.say("My name is Zorvina.", settings, ConversationListener.NONE);
      winding.say(STORY, settings, ConversationListener.NONE);
      winding.say("Count to 12.", settings, ConversationListener.NONE);
      winding.say("What is 3 plus 4?", settings, ConversationListener.NONE);
      assertThat(winding.undo())
          .hasValueSatisfying(
              message -> assertThat(message.content()).isEqualTo("What is 3 plus 4?"));
      winding.undo();
      Answer after = winding.say("What is my name?", settings, ConversationListener.NONE);

      assertThat(after.result().tokenIds()).isEqualTo(expected.result().tokenIds());
      // A plain cache may even keep how the message taken back began: as this one does.
      assertThat(after.stats().cachedTokens())
          .isGreaterThanOrEqualTo(expected.stats().cachedTokens());
      assertThat(winding.session().kvUsage()).as("%s", kv).isEqualTo(straight.session().kvUsage());
      assertThat(winding.saved()).isEqualTo(straight.saved());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "auto"})
  void regenerationComputesOneTokenAndDiffersBySeed(String kv) {
    AnswerSettings warm =
        AnswerSettings.of(SamplingParams.greedy().withTemperature(1).withSeed(7)).withMaxTokens(60);
    try (ChatModel model = ChatModel.open(kv, 1024);
        Conversation chat = model.conversation()) {
      assertThatThrownBy(() -> chat.regenerate(warm, ConversationListener.NONE))
          .isInstanceOf(IllegalStateException.class);
      chat.say("My name is Zorvina.", warm, ConversationListener.NONE);
      Answer first = chat.say(STORY, warm, ConversationListener.NONE);
      Answer second = chat.regenerate(warm, ConversationListener.NONE);
      assertThat(second.stats().prefillTokens()).isEqualTo(1);
      assertThat(second.stats().cachedTokens()).isEqualTo(first.promptTokens() - 1);
      assertThat(second.text()).isNotEqualTo(first.text());
      Answer greedy = chat.regenerate(ChatModel.greedy(60), ConversationListener.NONE);
      Answer again = chat.regenerate(ChatModel.greedy(60), ConversationListener.NONE);
      assertThat(again.result().tokenIds()).isEqualTo(greedy.result().tokenIds());
      assertThat(chat.exchangeCount()).isEqualTo(2);
      // The same conversation, said again in a new one, has the same answers.
      chat.clear();
      chat.say("My name is Zorvina.", warm, ConversationListener.NONE);
      assertThat(chat.say(STORY, warm, ConversationListener.NONE).text()).isEqualTo(first.text());
    }
  }

  @Test
  void aStoppedAnswerStaysAsFarAsItCame() {
    try (ChatModel model = ChatModel.open("auto", 1024);
        Conversation chat = model.conversation()) {
      StringBuilder told = new StringBuilder();
      ConversationListener stopping =
          new ConversationListener() {
            @Override
            public void onText(String piece, boolean thinking) {
              told.append(piece);
              if (told.length() > 40) {
                chat.cancel();
              }
            }
          };
      Answer stopped = chat.say(STORY, ChatModel.greedy(-1), stopping);
      assertThat(stopped.finishReason()).isEqualTo(FinishReason.CANCELLED);
      assertThat(chat.saved().messages())
          .containsExactly(ChatMessage.user(STORY), ChatMessage.assistant(told.toString()));
      Answer next = chat.say("Count to 12.", ChatModel.greedy(-1), ConversationListener.NONE);
      assertThat(next.text()).contains("1, 2, 3");
      assertThat(next.stats().cachedTokens())
          .isEqualTo(stopped.promptTokens() + stopped.result().tokenIds().length - 1);
    }
  }

  @Test
  void anAnswerStoppedBeforeItsFirstTokenLeavesNothing() {
    try (ChatModel model = ChatModel.open("auto", 1024);
        Conversation chat = model.conversation()) {
      ConversationListener atOnce =
          new ConversationListener() {
            @Override
            public void onPrefill(int doneTokens, int promptTokens) {
              chat.cancel();
            }
          };
      chat.say("My name is Zorvina.", ChatModel.greedy(-1), ConversationListener.NONE);
      ChatRequest before = chat.saved();
      assertThat(chat.say(STORY, ChatModel.greedy(-1), atOnce).kept()).isFalse();
      assertThat(chat.saved()).isEqualTo(before);
      assertThat(
              chat.say("What is my name?", ChatModel.greedy(-1), ConversationListener.NONE).text())
          .contains("Zorvina");
    }
  }

  @Test
  void whatNoLongerFitsIsAnnouncedBeforeItIsLeftOut() {
    try (ChatModel model = ChatModel.open("auto", 256);
        Conversation chat = model.conversation(ChatMessage.system("You tell stories."))) {
      List<ContextOverflow> told = new ArrayList<>();
      ConversationListener listener =
          new ConversationListener() {
            @Override
            public void onOverflow(ContextOverflow overflow) {
              told.add(overflow);
            }
          };
      int answers = 0;
      int promptTokens = 0;
      while (told.isEmpty()) {
        assertThat(answers++).isLessThan(12);
        Answer answer = chat.say("Count to 12.", ChatModel.greedy(40), listener);
        promptTokens = answer.promptTokens();
        assertThat(chat.forgottenExchanges() == 0).isEqualTo(told.isEmpty());
      }
      ContextOverflow overflow = told.getFirst();
      assertThat(overflow.promptTokens()).isGreaterThan(256 - 40);
      assertThat(overflow.contextLength()).isEqualTo(256);
      assertThat(overflow.forgottenExchanges()).isEqualTo(chat.forgottenExchanges()).isPositive();
      assertThat(promptTokens)
          .isEqualTo(overflow.promptTokens() - overflow.forgottenTokens())
          .isLessThanOrEqualTo(128);
      assertThat(chat.saved().messages()).as("all of it is kept").hasSize(1 + 2 * answers);
    }
  }

  @Test
  void aMessageThatNeverFitsIsRefusedWithBothNumbers() {
    try (ChatModel model = ChatModel.open("auto", 128);
        Conversation chat = model.conversation()) {
      chat.say("My name is Zorvina.", ChatModel.greedy(20), ConversationListener.NONE);
      ChatRequest before = chat.saved();
      String tooLong = "one two three ".repeat(100);
      assertThatThrownBy(() -> chat.say(tooLong, ChatModel.greedy(20), ConversationListener.NONE))
          .isInstanceOf(MessageTooLongException.class)
          .hasMessageMatching(
              "this message alone makes a prompt of \\d+ tokens: expected at most 127, one less"
                  + " than the context of 128");
      assertThat(chat.saved()).isEqualTo(before);
      assertThat(chat.forgottenExchanges()).isZero();
    }
  }

  @Test
  void aSavedConversationGoesOnWhereItWas() {
    try (ChatModel model = ChatModel.open("bf16", 1024);
        Conversation first = model.conversation(ChatMessage.system("You tell stories."));
        Conversation second = model.conversation()) {
      first.say("My name is Zorvina.", ChatModel.greedy(-1), ConversationListener.NONE);
      second.say("Count to 12.", ChatModel.greedy(-1), ConversationListener.NONE);
      second.load(first.saved());
      assertThat(second.saved()).isEqualTo(first.saved());
      assertThat(second.isAnswered()).isTrue();
      assertThat(second.lastTokenIds()).as("not spoken here").isEmpty();
      assertThat(
              second
                  .say("What is my name?", ChatModel.greedy(-1), ConversationListener.NONE)
                  .text())
          .isEqualTo(
              first.say("What is my name?", ChatModel.greedy(-1), ConversationListener.NONE).text())
          .contains("Zorvina");
    }
  }

  @Test
  void rawMessagesAreContinued() {
    try (ChatModel model = ChatModel.open("bf16", 512);
        Conversation chat =
            new Conversation(
                model.engine(),
                PromptFormat.raw(model.engine().tokenizer()),
                ChatRequest.of(List.of()))) {
      Answer answer = chat.say("Once upon a time", ChatModel.greedy(20), ConversationListener.NONE);
      int[] prompt = model.engine().tokenizer().encodeRaw("Once upon a time");
      assertThat(answer.promptTokens()).isEqualTo(prompt.length);
      assertThat(chat.session().tokenIds()).startsWith(prompt);
      chat.say(" And then", ChatModel.greedy(5), ConversationListener.NONE);
      assertThat(chat.exchangeCount()).isEqualTo(2);
    }
  }
}
