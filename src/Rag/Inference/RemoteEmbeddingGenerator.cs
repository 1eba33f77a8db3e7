using System.ClientModel;
using System.ClientModel.Primitives;
using System.Numerics.Tensors;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI;
using Rag.Foundation;

namespace Rag.Inference;

/// <summary>
/// Embeddings of an OpenAI-compatible endpoint (<c>POST {Endpoint}/embeddings</c>), in batches one after another, each
/// bounded in time with its retries. What comes back is checked: as many vectors as texts, of the configured length,
/// finite and not zero; they are brought to unit length.
/// </summary>
internal sealed class RemoteEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly IEmbeddingGenerator<string, Embedding<float>> _inner;
    private readonly EmbeddingGenerationOptions? _request;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _timeout;
    private readonly string _endpoint;
    private readonly int _batchSize, _dimensions;

    /// <param name="options">Valid options of the provider <c>openai</c>.</param>
    /// <param name="clock">Times the deadline of each request.</param>
    /// <exception cref="IOException">The key's file cannot be read.</exception>
    public RemoteEmbeddingGenerator(InferenceOptions options, TimeProvider clock)
    {
        _clock = clock;
        _timeout = TimeSpan.FromMilliseconds(options.TimeoutMs);
        _endpoint = options.Endpoint!;
        _batchSize = options.BatchSize;
        _dimensions = options.Dimensions;
        _request = options.RequestDimensions ? new() { Dimensions = options.Dimensions } : null;
        var client = new OpenAIClient(
            // The client insists on a key; an endpoint that needs none ignores this one.
            new ApiKeyCredential(options.ReadApiKey() ?? "none"),
            new OpenAIClientOptions
            {
                Endpoint = new Uri(options.Endpoint!),
                NetworkTimeout = _timeout,
                RetryPolicy = new ClientRetryPolicy(options.Retries),
            });
        _inner = client.GetEmbeddingClient(options.Model).AsIEmbeddingGenerator();
    }

    /// <summary>Unit vectors in the order of the texts.</summary>
    /// <exception cref="RagException">The endpoint is unreachable, refuses, is too slow, or answers nonsense.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        var result = new GeneratedEmbeddings<Embedding<float>>();
        foreach (string[] batch in values.Chunk(_batchSize))
        {
            var embeddings = await SendAsync(batch, cancellationToken).ConfigureAwait(false);
            if (embeddings.Count != batch.Length)
                throw Nonsense($"{embeddings.Count} vectors for {batch.Length} texts");
            foreach (var embedding in embeddings) result.Add(new Embedding<float>(ToUnit(embedding.Vector.Span)));
        }
        return result;
    }

    private async Task<GeneratedEmbeddings<Embedding<float>>> SendAsync(string[] batch, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(_timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token);
        try
        {
            return await _inner.GenerateAsync(batch, _request, either.Token).ConfigureAwait(false);
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancel);
        }
        catch (ClientResultException e) when (e.Status is 401 or 403)
        {
            throw new RagException(ErrorKind.Unavailable, $"The embedding endpoint {_endpoint} refused the key ({e.Status}).",
                "Check Inference:ApiKeyFile or Inference:ApiKey.", e);
        }
        catch (ClientResultException e) when (e.Status != 0)
        {
            throw new RagException(ErrorKind.Unavailable, $"The embedding endpoint {_endpoint} answered {e.Status}.",
                e.Status < 500 && e.Status != 429 ? "Check Inference:Endpoint, Inference:Model and Inference:Dimensions." : "Try again later.", e);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException
            or ArgumentException or NotSupportedException)
        {
            throw Nonsense("something that is no embeddings response", e);
        }
        catch (OperationCanceledException e)
        {
            throw new RagException(ErrorKind.Unavailable,
                $"The embedding endpoint {_endpoint} did not answer within {_timeout.TotalMilliseconds:F0} ms.",
                "Try again later, or raise Inference:TimeoutMs.", e);
        }
        catch (Exception e) when (e is ClientResultException or HttpRequestException or IOException or AggregateException)
        {
            throw new RagException(ErrorKind.Unavailable, $"The embedding endpoint {_endpoint} cannot be reached.",
                "Check Inference:Endpoint and the network.", e);
        }
    }

    private float[] ToUnit(ReadOnlySpan<float> vector)
    {
        if (vector.Length != _dimensions)
            throw Nonsense($"a vector of {vector.Length} numbers where Inference:Dimensions is {_dimensions}");
        float norm = TensorPrimitives.Norm(vector);
        if (!float.IsFinite(norm) || norm == 0) throw Nonsense("a vector without a direction");
        var unit = new float[vector.Length];
        TensorPrimitives.Divide(vector, norm, unit);
        return unit;
    }

    private RagException Nonsense(string what, Exception? inner = null) => new(ErrorKind.Unavailable,
        $"The embedding endpoint {_endpoint} sent {what}.", "Check Inference:Endpoint, Inference:Model and Inference:Dimensions.", inner);

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceKey is null && serviceType.IsInstanceOfType(this) ? this : _inner.GetService(serviceType, serviceKey);

    public void Dispose() => _inner.Dispose();
}
