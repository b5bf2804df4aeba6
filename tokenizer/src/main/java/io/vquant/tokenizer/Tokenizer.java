package io.vquant.tokenizer;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.IntPredicate;

/**
 * Text to ids and back. Ids are exactly those of Hugging Face's library; nothing is truncated or
 * padded; lone surrogates count as U+FFFD.
 *
 * <p>A <em>control token</em> steers the model ({@code <|im_end|>}, {@code <s>}): every added token
 * marked special, and those of the shape {@code <|...|>}. Who encodes says whether control tokens
 * written in the text count: never for what a user typed.
 *
 * <p>For any number of threads. Close it to free the native memory.
 */
public final class Tokenizer implements AutoCloseable {
  /**
   * The library needs 250 to 700 bytes of memory and about 1 us for a character, so longer texts
   * are refused (in one piece).
   */
  public static final int MAX_TEXT_CHARS = 1 << 24;

  private final TokenizerFile file;
  private final TokenizerSettings settings;
  private final ControlTokens controlTokens;
  private final boolean[] special;
  private final NativeTokenizer library;
  private final TextEncoder encoder;

  private Tokenizer(TokenizerFile file, TokenizerSettings settings, NativeTokenizer library) {
    this.file = file;
    this.settings = settings;
    this.library = library;
    controlTokens = new ControlTokens(file.addedTokens());
    encoder = new TextEncoder(file, library, controlTokens);
    special = new boolean[file.tokens().maxId() + 1];
    for (AddedToken token : file.addedTokens()) {
      special[token.id()] |= token.special();
    }
  }

  /**
   * Opens a tokenizer.
   *
   * @param modelDirOrFile a folder with {@code tokenizer.json} and perhaps {@code
   *     tokenizer_config.json}, or the path of the former
   * @param nativeCacheDir a folder private to the user into which the native library is unpacked
   * @throws MalformedTokenizerException if a file is missing or damaged
   * @throws NativeLibraryException if the native library cannot be unpacked or loaded
   */
  public static Tokenizer open(Path modelDirOrFile, Path nativeCacheDir) {
    Path json =
        Files.isDirectory(modelDirOrFile)
            ? modelDirOrFile.resolve("tokenizer.json")
            : modelDirOrFile;
    Path dir = json.toAbsolutePath().getParent();
    if (!Files.exists(json) && Files.exists(json.resolveSibling("tokenizer.model"))) {
      throw new MalformedTokenizerException(
          json,
          "",
          "a file",
          "none, only tokenizer.model (SentencePiece), which has to be converted first");
    }
    // Before the library sees the text: it ends the process on some of what this refuses.
    TokenizerFile file = TokenizerFile.read(json);
    TokenizerSettings settings = TokenizerSettings.read(dir);
    NativeLibrary.load(nativeCacheDir);
    NativeTokenizer library;
    try {
      library = new NativeTokenizer(file.json().inAscii());
    } catch (RuntimeException e) {
      throw new MalformedTokenizerException(
          json,
          "",
          "a tokenizer that Hugging Face's library accepts",
          String.valueOf(e.getMessage()),
          e);
    }
    try {
      requireAddedIds(file, library);
      return new Tokenizer(file, settings, library);
    } catch (RuntimeException e) {
      library.close();
      throw e;
    }
  }

  /**
   * Encodes what a user typed: control tokens in it are plain text. Nothing is added.
   *
   * @throws IllegalArgumentException if the text is longer than {@link #MAX_TEXT_CHARS}
   */
  public int[] encode(String text) {
    return encoder.encode(text, i -> false);
  }

  /**
   * Encodes text of two sources: a control token counts where every one of its characters is
   * trusted, elsewhere it is plain text. If no untrusted character belongs to a control token, the
   * ids are those of {@link #encodeWithControlTokens}.
   *
   * @param trusted says of a UTF-16 index of {@code text} whether a chat template (not a user)
   *     wrote it
   * @throws IllegalArgumentException if the text is longer than {@link #MAX_TEXT_CHARS}
   */
  public int[] encode(String text, IntPredicate trusted) {
    return encoder.encode(text, trusted);
  }

  /**
   * Encodes text in which control tokens count, whoever wrote it. Nothing is added.
   *
   * @throws IllegalArgumentException if the text is longer than {@link #MAX_TEXT_CHARS}
   */
  public int[] encodeWithControlTokens(String text) {
    return encoder.encodeAllTrusted(text);
  }

  /**
   * Encodes text that goes to the model as it is, without a chat template: {@link #encode(String)}
   * plus what the post-processor adds around it (mostly BOS, once).
   *
   * @throws IllegalArgumentException if the text is longer than {@link #MAX_TEXT_CHARS}
   */
  public int[] encodeRaw(String text) {
    return encoder.encodeRaw(text);
  }

  /**
   * The text of a whole sequence; bytes that are not UTF-8 become U+FFFD.
   *
   * @param skipSpecial leaves special tokens out
   * @throws IllegalArgumentException if an id has no token
   */
  public String decode(int[] ids, boolean skipSpecial) {
    for (int id : ids) {
      if (!hasToken(id)) {
        throw noToken(id);
      }
    }
    return library.decode(ids, skipSpecial);
  }

  /** A decoder for ids that arrive one at a time. */
  public StreamingDecoder streamingDecoder(boolean skipSpecial) {
    return new StreamingDecoder(this, skipSpecial);
  }

  /**
   * The token as the vocabulary writes it, such as {@code Ġworld} or {@code ▁world}.
   *
   * @throws IllegalArgumentException if the id has no token
   */
  public String token(int id) {
    String token = file.tokens().token(id);
    if (token == null) {
      throw noToken(id);
    }
    return token;
  }

  private IllegalArgumentException noToken(int id) {
    return new IllegalArgumentException(
        "token id %d: %s has no such token, its ids end at %d"
            .formatted(id, file.file(), maxTokenId()));
  }

  /**
   * The bytes that a token adds to a text (a blank that some decoders drop at the very beginning
   * included); empty if the id has no token, or the tokenizer's decoder does not join tokens byte
   * by byte.
   */
  public Optional<byte[]> tokenBytes(int id) {
    String token = file.tokens().token(id);
    TokenBytes bytes = file.decoder().bytes();
    if (token == null || bytes == TokenBytes.UNKNOWN) {
      return Optional.empty();
    }
    boolean added = !file.tokens().isModelToken(id);
    return Optional.of(added ? token.getBytes(StandardCharsets.UTF_8) : bytes.of(token));
  }

  /** Whether the id has a token: vocabularies may have holes, and models more rows than tokens. */
  public boolean hasToken(int id) {
    return file.tokens().has(id);
  }

  /** The id of a token as the vocabulary writes it. */
  public OptionalInt tokenId(String token) {
    Integer id = file.tokens().id(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** How many ids have a token, added ones included. */
  public int vocabSize() {
    return file.tokens().count();
  }

  /** The largest id that encoding can give: a model needs more embedding rows than that. */
  public int maxTokenId() {
    return file.tokens().maxId();
  }

  /** Whether {@code skipSpecial} leaves this id out. */
  public boolean isSpecial(int id) {
    return id >= 0 && id < special.length && special[id];
  }

  /** Whether text of a user never becomes this id (other than as the token for unknown text). */
  public boolean isControl(int id) {
    return controlTokens.isControl(id);
  }

  /** Empty if the files name none, or name a token that the vocabulary lacks. */
  public OptionalInt bosTokenId() {
    return specialTokenId("bos_token");
  }

  /** Empty if the files name none, or name a token that the vocabulary lacks. */
  public OptionalInt eosTokenId() {
    return specialTokenId("eos_token");
  }

  /** Empty if the files name none, or name a token that the vocabulary lacks. */
  public OptionalInt padTokenId() {
    return specialTokenId("pad_token");
  }

  /** Empty if the files name none, or name a token that the vocabulary lacks. */
  public OptionalInt unkTokenId() {
    return specialTokenId("unk_token");
  }

  /** Whether {@link #encodeRaw} puts the bos token first. */
  public boolean addsBosToken() {
    OptionalInt bos = bosTokenId();
    return bos.isPresent() && encoder.prepends(bos.getAsInt());
  }

  /** What tokenizer_config.json says. */
  public TokenizerSettings settings() {
    return settings;
  }

  @Override
  public void close() {
    encoder.close();
  }

  DecoderTraits decoderTraits() {
    return file.decoder();
  }

  private OptionalInt specialTokenId(String name) {
    return settings.specialToken(name).map(this::tokenId).orElse(OptionalInt.empty());
  }

  /**
   * The library numbers added tokens that its vocabulary lacks by itself and only warns when the
   * file disagrees; then every id after would be wrong.
   */
  private static void requireAddedIds(TokenizerFile file, NativeTokenizer library) {
    for (int i = 0; i < file.addedTokens().size(); i++) {
      AddedToken token = file.addedTokens().get(i);
      if (file.addedTokensInModel().contains(token.content()) || token.content().isEmpty()) {
        continue;
      }
      int[] ids = library.encode(WellFormedText.of(token.content()), false);
      if (ids.length == 1 && ids[0] != token.id()) {
        throw new MalformedTokenizerException(
            file.file(),
            "added_tokens[%d].id".formatted(i),
            "%d for '%s', the next free id".formatted(ids[0], token.content()),
            "" + token.id());
      }
    }
  }
}
