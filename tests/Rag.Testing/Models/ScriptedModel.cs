using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Rag.Testing.Models;

/// <summary>A passage as the product shows it to a model.</summary>
public sealed record ShownPassage(int Number, string Text);

/// <summary>A request that the model got.</summary>
/// <param name="Body">As it was sent.</param>
public sealed partial record ModelCall(int Number, string System, string User, bool Stream, string Body, string? Authorization)
{
    /// <summary>What stands between the lines that hold the call's number.</summary>
    public string Section(string name) => Regex.Match(User, $@"<{name} ([0-9a-f]+)>\n(.*?)\n?</{name} \1>", RegexOptions.Singleline) is { Success: true } m ? m.Groups[2].Value : "";

    public string Question => Section("question");

    public IReadOnlyList<ShownPassage> Passages => [.. PassageStart.Split(Section("passages")).Skip(1).Chunk(2).Select(p => new ShownPassage(int.Parse(p[0], CultureInfo.InvariantCulture), HeadLine.Replace(p[1], "").TrimEnd('\n')))];

    public bool Selects => System.Contains("choose the passages", StringComparison.Ordinal);

    public bool Composes => System.Contains("answer a question from passages", StringComparison.Ordinal);

    public bool Rewrites => System.Contains("rewrite the last question", StringComparison.Ordinal);

    public bool Judges => System.Contains("judge whether passages say a sentence", StringComparison.Ordinal);

    public bool IsHealthCheck => System.Contains("health check", StringComparison.Ordinal);

    [GeneratedRegex(@"^\[(\d+)\] ", RegexOptions.Multiline)]
    private static partial Regex PassageStart { get; }

    [GeneratedRegex(@"^(# .*|Columns: .*)$", RegexOptions.Multiline)]
    private static partial Regex HeadLine { get; }
}

/// <summary>
/// A language model on loopback, a real server with the interface of OpenAI (<c>/v1/chat/completions</c>, streamed or not,
/// <c>/v1/models</c>) and of Ollama (<c>/api/chat</c>), that says what a script has it say, and ends as the script has it end.
/// </summary>
public sealed class ScriptedModel : IAsyncDisposable
{
    public const string Name = "scripted";

    private static readonly TimeSpan BeforeCut = TimeSpan.FromMilliseconds(50);

    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stop = new();
    private int _calls, _disposed;

    private ScriptedModel(WebApplication app) => _app = app;

    /// <summary>Answers a call; by default as a fair model would.</summary>
    public Func<ModelCall, ModelReply> Script { get; set; } = FairModel.Reply;

    /// <summary>What the product asks to see whether there is a model is answered by the script too.</summary>
    public bool ScriptsHealth { get; set; }

    public ConcurrentQueue<ModelCall> Calls { get; } = [];

    public string Endpoint => _app.Urls.First() + "/v1";

    public string OllamaEndpoint => _app.Urls.First();

    public static async Task<ScriptedModel> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        // What it hands out is what tests are about, and is not held back.
        builder.WebHost.ConfigureKestrel(k => (k.Limits.MinResponseDataRate, k.Limits.MaxRequestBodySize) = (null, 16 * 1024 * 1024));
        var app = builder.Build();
        var model = new ScriptedModel(app);
        app.MapPost("/v1/chat/completions", context => model.AnswerAsync(context, ollama: false));
        app.MapPost("/api/chat", context => model.AnswerAsync(context, ollama: true));
        app.MapGet("/v1/models", () => Results.Json(new { @object = "list", data = new[] { new { id = Name, @object = "model", created = 0, owned_by = "test" } } }));
        await app.StartAsync();
        return model;
    }

    /// <summary>The settings of a service that asks this model.</summary>
    public Dictionary<string, string?> Settings(string mode, params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string?>
        {
            ["Generation:Provider"] = "openai", ["Generation:Endpoint"] = Endpoint, ["Generation:Model"] = Name, ["Generation:Mode"] = mode, ["Generation:ApiKey"] = "secret-key",
            // On a busy machine the first call of a process takes its time; tests of the times set their own.
            ["Generation:FirstTokenMs"] = "8000", ["Generation:StallMs"] = "8000",
        };
        foreach (var (key, value) in more) settings["Generation:" + key] = value;
        return settings;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        await _stop.CancelAsync();
        await _app.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AnswerAsync(HttpContext context, bool ollama)
    {
        using var reader = new StreamReader(context.Request.Body);
        string body = await reader.ReadToEndAsync(context.RequestAborted);
        using var json = JsonDocument.Parse(body);
        var root = json.RootElement;
        string Of(string role) => string.Join('\n', root.GetProperty("messages").EnumerateArray().Where(m => m.GetProperty("role").GetString() == role).Select(Content));
        bool stream = root.TryGetProperty("stream", out var s) ? s.GetBoolean() : ollama;
        var call = new ModelCall(0, Of("system"), Of("user"), stream, body, context.Request.Headers.Authorization);
        ModelReply reply;
        if (call.IsHealthCheck && !ScriptsHealth) reply = ModelReply.Say("OK");
        else
        {
            call = call with { Number = Interlocked.Increment(ref _calls) };
            Calls.Enqueue(call);
            reply = Script(call);
        }
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stop.Token);
        try
        {
            await SendAsync(context, reply, stream, ollama, ended.Token);
        }
        catch (OperationCanceledException)
        {
            // Whoever asked has gone, or the test is over.
            context.Abort();
        }
    }

    private static async Task SendAsync(HttpContext context, ModelReply reply, bool stream, bool ollama, CancellationToken ct)
    {
        await Task.Delay(reply.First, ct);
        var response = context.Response;
        response.StatusCode = reply.Status;
        if (reply.RetryAfter is { } wait) response.Headers.RetryAfter = wait;
        if (reply.Status != 200)
        {
            await response.WriteAsJsonAsync(new { error = new { message = "scripted", type = "scripted", code = (string?)null } }, ct);
            return;
        }
        if (reply.Raw is { } raw)
        {
            response.ContentType = reply.ContentType ?? "text/event-stream";
            await WriteAsync(response, raw, reply.BytesAtATime, ct);
            await EndAsync(context, reply, "", ct);
            return;
        }
        if (!stream)
        {
            await response.WriteAsJsonAsync(new
            {
                id = "c", @object = "chat.completion", created = 0, model = Name,
                choices = new[] { new { index = 0, message = new { role = "assistant", content = string.Concat(reply.Pieces) }, finish_reason = "stop" } },
                usage = new { prompt_tokens = 1, completion_tokens = 1, total_tokens = 2 },
            }, ct);
            return;
        }
        response.ContentType = reply.ContentType ?? (ollama ? "application/x-ndjson" : "text/event-stream");
        bool first = true;
        foreach (string piece in reply.Pieces)
        {
            if (!first) await Task.Delay(reply.Between, ct);
            await WriteAsync(response, Event(piece, null, ollama), reply.BytesAtATime, ct);
            if (first && reply.Gate is { } gate) await gate.WaitAsync(ct);
            first = false;
        }
        await Task.Delay(reply.Between, ct);
        string? reason = reply.Ending switch { Ending.Done => "stop", Ending.Length => "length", Ending.Filtered => "content_filter", _ => null };
        if (reason is not null) await WriteAsync(response, Event("", reason, ollama) + (ollama ? "" : "data: [DONE]\n\n"), reply.BytesAtATime, ct);
        else await EndAsync(context, reply, Event(reply.Pieces.Count == 0 ? "." : reply.Pieces[^1], null, ollama), ct);
    }

    private static async Task EndAsync(HttpContext context, ModelReply reply, string again, CancellationToken ct)
    {
        switch (reply.Ending)
        {
            case Ending.Cut:
                // What was sent is there before the connection breaks, which would take it along.
                await context.Response.Body.FlushAsync(ct);
                await Task.Delay(BeforeCut, ct);
                context.Abort();
                break;
            case Ending.Stall:
                await Task.Delay(Timeout.Infinite, ct);
                break;
            case Ending.Endless:
                while (!ct.IsCancellationRequested) await WriteAsync(context.Response, again, 0, ct);
                break;
        }
    }

    private static async Task WriteAsync(HttpResponse response, string text, int bytesAtATime, CancellationToken ct)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytesAtATime == 0) bytesAtATime = Math.Max(1, bytes.Length);
        for (int i = 0; i < bytes.Length; i += bytesAtATime)
        {
            await response.Body.WriteAsync(bytes.AsMemory(i, Math.Min(bytesAtATime, bytes.Length - i)), ct);
            await response.Body.FlushAsync(ct);
        }
    }

    private static string Event(string piece, string? reason, bool ollama) => ollama
        ? JsonSerializer.Serialize(new { model = Name, created_at = "2026-01-01T00:00:00Z", message = new { role = "assistant", content = piece }, done = reason is not null, done_reason = reason }) + "\n"
        : "data: " + JsonSerializer.Serialize(new
        {
            id = "c", @object = "chat.completion.chunk", created = 0, model = Name,
            choices = new[] { new { index = 0, delta = reason is null ? new { content = piece } : (object)new { }, finish_reason = reason } },
        }) + "\n\n";

    private static string Content(JsonElement message)
    {
        var content = message.GetProperty("content");
        return content.ValueKind == JsonValueKind.String ? content.GetString()! : string.Concat(content.EnumerateArray().Select(p => p.GetProperty("text").GetString()));
    }
}
