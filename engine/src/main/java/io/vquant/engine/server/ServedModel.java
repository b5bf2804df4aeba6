package io.vquant.engine.server;

import io.vquant.engine.Engine;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.tokenizer.Tokenizer;
import io.vquant.tokenizer.chat.ChatTokenizer;

/**
 * What the server answers with.
 *
 * @param name that clients call it by
 * @param createdSeconds since 1970: when it was opened
 */
record ServedModel(
    String name,
    long createdSeconds,
    Engine engine,
    ChatTokenizer chat,
    Vocabulary vocabulary,
    BatchScheduler scheduler) {

  int vocabSize() {
    return engine.config().vocabSize();
  }

  Tokenizer tokenizer() {
    return engine.tokenizer();
  }

  /**
   * Checks the name that a request gives.
   *
   * @throws ApiFailure if it is another's
   */
  void requireName(JsonFields fields) {
    String asked = fields.string("model");
    if (asked != null && !asked.equals(name)) {
      throw ApiFailure.notFound(
          "model_not_found",
          "model",
          "model: '" + asked + "' is not here, this server has '" + name + "'");
    }
  }
}
