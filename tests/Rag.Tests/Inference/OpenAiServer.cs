using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Rag.Inference;

namespace Rag.Tests.Inference;

/// <summary>
/// An embeddings endpoint on a loopback port that answers as OpenAI's does: a text's vector is (its length, 1, 0, 0).
/// </summary>
internal sealed class OpenAiServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    public sealed record Request(string[] Input, string Model, int? Dimensions, string? Authorization);

    public ConcurrentQueue<Request> Requests { get; } = [];

    /// <summary>What to answer to the n-th request (from 1) instead of embeddings; true where it has answered.</summary>
    public Func<int, HttpContext, Task<bool>> Instead { get; set; } = (_, _) => Task.FromResult(false);

    public string Endpoint => _app.Urls.First() + "/v1";

    private OpenAiServer(WebApplication app) => _app = app;

    public static async Task<OpenAiServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new OpenAiServer(app);
        app.MapPost("/v1/embeddings", server.AnswerAsync);
        await app.StartAsync();
        return server;
    }

    public InferenceOptions Options(int timeoutMs = 20_000, int retries = 2) => new()
    {
        Provider = InferenceOptions.OpenAi, Endpoint = Endpoint, Model = "test-embedding", Dimensions = 4,
        ApiKey = "secret-key", TimeoutMs = timeoutMs, Retries = retries, BatchSize = 3,
    };

    private async Task AnswerAsync(HttpContext context)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var root = body.RootElement;
        string[] input = [.. root.GetProperty("input").EnumerateArray().Select(e => e.GetString()!)];
        Requests.Enqueue(new(input, root.GetProperty("model").GetString()!,
            root.TryGetProperty("dimensions", out var d) ? d.GetInt32() : null, context.Request.Headers.Authorization));
        if (await Instead(Requests.Count, context)) return;

        bool base64 = root.TryGetProperty("encoding_format", out var format) && format.GetString() == "base64";
        await context.Response.WriteAsJsonAsync(new
        {
            @object = "list",
            model = "test-embedding",
            data = input.Select((text, index) => new { @object = "embedding", index, embedding = Encode(text, base64) }),
            usage = new { prompt_tokens = 1, total_tokens = 1 },
        });
    }

    private static object Encode(string text, bool base64)
    {
        float[] vector = [text.Length, 1, 0, 0];
        return base64 ? Convert.ToBase64String(vector.SelectMany(BitConverter.GetBytes).ToArray()) : vector;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
