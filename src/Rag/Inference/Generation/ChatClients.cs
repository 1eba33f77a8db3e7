using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.Extensions.AI;
using OllamaSharp;
using OpenAI;

namespace Rag.Inference.Generation;

/// <summary>The client of each provider, on a door that treats them alike.</summary>
internal static class ChatClients
{
    /// <summary>Bytes that a streamed token may take with all that is wrapped around it.</summary>
    private const int BytesPerToken = 4_096;
    private const int BytesBeside = 262_144;

    /// <param name="options">Valid options of a provider other than <c>none</c>.</param>
    /// <exception cref="IOException">The key's file cannot be read.</exception>
    public static IChatClient Create(GenerationOptions options)
    {
        string? key = options.ReadApiKey();
        // Time is kept by whoever calls.
        var http = new HttpClient(new ModelDoor(BytesBeside + (long)BytesPerToken * options.MaxOutputTokens)) { Timeout = Timeout.InfiniteTimeSpan };
        var client = options.Provider == GenerationOptions.Ollama ? Ollama(options, key, http) : OpenAi(options, key, http);
        return client.AsBuilder().UseOpenTelemetry(sourceName: Embedder.SpanSourceName).Build();
    }

    private static IChatClient OpenAi(GenerationOptions options, string? key, HttpClient http) => new OpenAIClient(
        // The client insists on a key; an endpoint that needs none ignores this one.
        new ApiKeyCredential(key ?? "none"),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(options.Endpoint!),
            NetworkTimeout = Timeout.InfiniteTimeSpan,
            RetryPolicy = new ClientRetryPolicy(0),
            Transport = new HttpClientPipelineTransport(http),
        }).GetChatClient(options.Model).AsIChatClient();

    private static IChatClient Ollama(GenerationOptions options, string? key, HttpClient http)
    {
        http.BaseAddress = new Uri(options.Endpoint!);
        if (key is not null) http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return new OllamaApiClient(http, options.Model!);
    }
}
