package io.vquant.engine.chat;

import io.vquant.tokenizer.chat.ChatMessage;
import java.util.ArrayList;
import java.util.List;

/**
 * A message of the user and what followed it.
 *
 * @param messages the user's first
 * @param promptTokens tokens of the prompt that the last answer was given to; 0 when the messages
 *     were not spoken here
 * @param spoken the conversation up to here with the tokens that the model read and produced; empty
 *     when the messages were not spoken here
 * @param attempts answers that were given to the message and replaced
 */
record Exchange(
    List<ChatMessage> messages, int promptTokens, List<EncodedText> spoken, int attempts) {
  private static final String USER = "user";

  Exchange {
    messages = List.copyOf(messages);
    spoken = List.copyOf(spoken);
  }

  static Exchange of(String userText) {
    return new Exchange(List.of(ChatMessage.user(userText)), 0, List.of(), 0);
  }

  /** Cuts messages before each of the user's; what comes before the first is not among them. */
  static List<Exchange> split(List<ChatMessage> messages) {
    List<Exchange> exchanges = new ArrayList<>();
    int begin = preambleLength(messages);
    for (int i = begin + 1; i <= messages.size(); i++) {
      if (i == messages.size() || messages.get(i).role().equals(USER)) {
        exchanges.add(new Exchange(messages.subList(begin, i), 0, List.of(), 0));
        begin = i;
      }
    }
    return exchanges;
  }

  /** Messages before the first one of the user: mostly a system message, or none. */
  static int preambleLength(List<ChatMessage> messages) {
    int length = 0;
    while (length < messages.size() && !messages.get(length).role().equals(USER)) {
      length++;
    }
    return length;
  }

  boolean isAnswered() {
    return messages.size() > 1;
  }

  /** The same message, ready for another answer. */
  Exchange unanswered() {
    return new Exchange(messages.subList(0, 1), 0, List.of(), attempts + (isAnswered() ? 1 : 0));
  }

  Exchange answered(String answer, int ofPromptTokens, List<EncodedText> nowSpoken) {
    List<ChatMessage> more = new ArrayList<>(messages);
    more.add(ChatMessage.assistant(answer));
    return new Exchange(more, ofPromptTokens, nowSpoken, attempts);
  }

  /** What the user said. */
  ChatMessage question() {
    return messages.getFirst();
  }
}
