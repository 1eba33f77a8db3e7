using System.Net.Http.Json;
using System.Text.Json;
using Rag.Testing;

namespace Rag.App.Tests.Degradation;

/// <summary>These tests start servers and break them: they run one after the other, and beside no others.</summary>
[CollectionDefinition("degradation", DisableParallelization = true)]
public sealed class DegradationCollection;

/// <summary>The product as a process of its own, <c>rag serve</c>: it can be stopped, killed and started again on the same data directory.</summary>
internal sealed class Replica : IAsyncDisposable
{
    private Replica(ChildServer process, int port) => (Process, Http) = (process, new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) });

    public ChildServer Process { get; }

    public HttpClient Http { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts it and waits until it is ready. Words only, unless the settings say otherwise: the model is not what these tests are about.</summary>
    public static async Task<Replica> StartAsync(string data, params string[] settings)
    {
        var replica = Start(data, settings);
        await replica.WaitReadyAsync();
        return replica;
    }

    public static Replica Start(string data, params string[] settings)
    {
        int port = ChildServer.FreePort();
        string[] all = ["Inference:Provider=none", .. settings];
        return new(ChildServer.Start(
            Path.Combine(AppContext.BaseDirectory, "rag"),
            ["serve", "--data", data, "--urls", $"http://127.0.0.1:{port}", .. all.SelectMany(s => new[] { "--set", s })], workingDirectory: data), port);
    }

    public Task WaitReadyAsync() => WaitUntilAsync(async () => await StatusAsync("/readyz") == 200);

    public Task WaitUntilAsync(Func<Task<bool>> probe, int limitSeconds = 30) => Process.WaitUntilAsync(_ => probe(), TimeSpan.FromSeconds(limitSeconds), Cancel);

    public async Task<int> StatusAsync(string path)
    {
        using var response = await Http.GetAsync(path, Cancel);
        return (int)response.StatusCode;
    }

    /// <summary>Puts a text in, and waits until it can be found.</summary>
    public async Task PutAsync(string uri, string text)
    {
        using var written = await TryPutAsync(uri, text);
        string body = await written.Content.ReadAsStringAsync(Cancel);
        written.IsSuccessStatusCode.ShouldBeTrue(body);
        long position = JsonDocument.Parse(body).RootElement.GetProperty("position").GetInt64();
        using var found = await Http.PostAsJsonAsync("/v1/search", new { query = text, wait_for = position }, Cancel);
        found.IsSuccessStatusCode.ShouldBeTrue(await found.Content.ReadAsStringAsync(Cancel));
    }

    public Task<HttpResponseMessage> TryPutAsync(string uri, string text) => Http.PostAsJsonAsync("/v1/collections/default/documents", new { uri, text }, Cancel);

    public Task<HttpResponseMessage> TryAskAsync(string question, bool noCache = false) => Http.PostAsJsonAsync("/v1/ask", new { question, options = new { no_cache = noCache } }, Cancel);

    public async Task<JsonElement> AskAsync(string question, bool noCache = false)
    {
        using var response = await TryAskAsync(question, noCache);
        response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync(Cancel));
        return await response.Content.ReadFromJsonAsync<JsonElement>(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Process.DisposeAsync();
    }
}
