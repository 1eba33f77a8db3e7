using System.Security.Cryptography;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Rag.Foundation;

namespace Rag.Inference;

/// <summary>
/// The product's embeddings, whichever provider is configured. The model is loaded once, when something first asks for
/// it or by <see cref="WarmAsync"/>; one that is missing or broken makes this unavailable and is no exception.
/// Thread-safe.
/// </summary>
internal sealed class Embedder : IDisposable
{
    /// <summary>Model calls are traced under this name.</summary>
    public const string SpanSourceName = "Rag.Model";

    private const string VocabularyFile = "vocab.txt";
    private const int HashPrefixChars = 12;

    private sealed record Loaded(IEmbeddingGenerator<string, Embedding<float>>? Generator, string? ModelId, string? ModelName, int Dimensions, RagException? Failure);

    /// <summary>What a model file's name may end with that says how its weights are stored.</summary>
    private static readonly string[] Precisions = [".int8", ".uint8", ".fp16", ".fp32"];

    private readonly InferenceOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<Embedder> _logger;
    private readonly Lazy<(WordPieceTokenizer Tokenizer, RagException? Failure)> _tokenizer;
    private readonly Lazy<Loaded> _model;

    public Embedder(InferenceOptions options, TimeProvider clock, ILogger<Embedder> logger)
    {
        _options = options;
        _clock = clock;
        _logger = logger;
        _tokenizer = new(LoadTokenizer);
        _model = new(LoadModel);
    }

    /// <summary>
    /// Names the model and its exact weights, so that vectors of different models never mix; null where there is none.
    /// </summary>
    public string? ModelId => _model.Value.ModelId;

    /// <summary>What people call it, such as all-MiniLM-L6-v2; null where there is none.</summary>
    public string? ModelName => _model.Value.ModelName;

    /// <summary>Length of the vectors; 0 where there is no model.</summary>
    public int Dimensions => _model.Value.Dimensions;

    /// <summary>The most that <see cref="CountTokens"/> may give for a text of which nothing is to be lost.</summary>
    public int MaxTokens => OnnxEmbeddingGenerator.MaxSequence - WordPieceTokenizer.SpecialTokens;

    public bool Available => _model.Value.Generator is not null;

    /// <summary>Why there is no model; null where there is one.</summary>
    public string? UnavailableReason => _model.Value.Failure?.Message;

    /// <summary>
    /// WordPiece tokens of a text, special tokens not counted; the shipped vocabulary's with every provider. Without a
    /// vocabulary an approximation: one for each sign and ideograph, one for each started four characters of a word.
    /// </summary>
    public int CountTokens(ReadOnlySpan<char> text) => _tokenizer.Value.Tokenizer.CountTokens(text);

    /// <summary>Length of the longest prefix of whole words that has at most so many tokens, and how many it has.</summary>
    public int PrefixLength(ReadOnlySpan<char> text, int maxTokens, out int tokens) =>
        _tokenizer.Value.Tokenizer.PrefixLength(text, maxTokens, out tokens);

    /// <summary>Loads the model (a fifth of a second) and runs it once, so that the first question does not pay for it.</summary>
    public Task WarmAsync(CancellationToken cancel) => Task.Run(
        async () =>
        {
            if (_model.Value.Generator?.GetService<OnnxEmbeddingGenerator>() is { } local)
                await local.GenerateAsync(["warm"], cancellationToken: cancel).ConfigureAwait(false);
        }, cancel);

    /// <summary>The unit vector of a question.</summary>
    /// <exception cref="RagException">There is no model, or the endpoint fails.</exception>
    public async Task<float[]> EmbedQueryAsync(string text, CancellationToken cancel) =>
        (await EmbedAsync([text], cancel).ConfigureAwait(false))[0];

    /// <summary>The unit vectors of texts, in their order.</summary>
    /// <exception cref="RagException">There is no model, or the endpoint fails.</exception>
    public async Task<float[][]> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancel)
    {
        var (generator, failure) = (_model.Value.Generator, _model.Value.Failure);
        if (generator is null) throw new RagException(failure!.Kind, failure.Message, failure.Remedy, failure);
        var embeddings = await generator.GenerateAsync(texts, cancellationToken: cancel).ConfigureAwait(false);
        return [.. embeddings.Select(e => e.Vector.ToArray())];
    }

    public void Dispose()
    {
        if (_model.IsValueCreated) _model.Value.Generator?.Dispose();
    }

    private (WordPieceTokenizer, RagException?) LoadTokenizer()
    {
        try
        {
            return (new(WordPieceVocabulary.Load(Path.Combine(_options.ModelPath, VocabularyFile))), null);
        }
        catch (RagException e)
        {
            _logger.VocabularyUnavailable(e.Message);
            return (new(null), e);
        }
    }

    private Loaded LoadModel()
    {
        long started = _clock.GetTimestamp();
        try
        {
            var loaded = _options.Provider switch
            {
                InferenceOptions.Local => LoadLocal(),
                InferenceOptions.OpenAi => new(new RemoteEmbeddingGenerator(_options, _clock),
                    $"{new Uri(_options.Endpoint!).Authority}/{_options.Model}#{_options.Dimensions}", _options.Model, _options.Dimensions, null),
                _ => throw new RagException(ErrorKind.Unavailable, "Embeddings are turned off (Inference:Provider is none).",
                    "Set Inference:Provider to local or openai."),
            };
            loaded = loaded with { Generator = loaded.Generator!.AsBuilder().UseOpenTelemetry(sourceName: SpanSourceName).Build() };
            _logger.ModelReady(loaded.ModelId!, loaded.Dimensions, _clock.GetElapsedTime(started).TotalMilliseconds);
            return loaded;
        }
        catch (Exception e) when (e is RagException or IOException or UnauthorizedAccessException)
        {
            var failure = e as RagException ?? new RagException(ErrorKind.Unavailable, e.Message,
                "Check that the service may read the files that the section Inference names.", e);
            _logger.ModelUnavailable(failure.Message);
            return new(null, null, null, 0, failure);
        }
    }

    private Loaded LoadLocal()
    {
        const string remedy = "Restore the model folder from the release, or point Inference:ModelPath at one.";
        string[] models = Directory.Exists(_options.ModelPath) ? Directory.GetFiles(_options.ModelPath, "*.onnx") : [];
        if (models is not [var file])
        {
            throw new RagException(ErrorKind.Unavailable, models.Length == 0
                ? $"There is no model (.onnx) in {_options.ModelPath}."
                : $"There are {models.Length} models (.onnx) in {_options.ModelPath}, where one is expected.", remedy);
        }
        var (tokenizer, failure) = _tokenizer.Value;
        if (failure is not null) throw failure;
        string hash;
        using (var stream = File.OpenRead(file)) hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        var generator = new OnnxEmbeddingGenerator(file, tokenizer, _options.Threads);
        string stored = Path.GetFileNameWithoutExtension(file), precision = Path.GetExtension(stored);
        return new(generator, $"{stored}@{hash[..HashPrefixChars]}", Precisions.Contains(precision) ? stored[..^precision.Length] : stored, generator.Dimensions, null);
    }
}
