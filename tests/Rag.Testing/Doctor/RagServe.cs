using System.Net.Http.Json;

namespace Rag.Testing.Doctor;

/// <summary>The real <c>rag serve</c> as a process of its own, by words only, with an empty data directory.</summary>
internal sealed class RagServe : IAsyncDisposable
{
    private readonly ChildServer _process;
    private readonly HttpClient _http;
    private readonly string _data;
    private int _asked;

    private RagServe(ChildServer process, string data, int port) => (_process, _data, Port, _http) = (process, data, port, new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") });

    public int Port { get; }

    public static async Task<RagServe> StartAsync(CancellationToken ct, IReadOnlyDictionary<string, string>? environment = null, params string[] settings)
    {
        string data = Directory.CreateTempSubdirectory("rag-doctor-serve-").FullName;
        int port = ChildServer.FreePort();
        string[] all = ["Inference:Provider=none", .. settings];
        var process = ChildServer.Start(Path.Combine(AppContext.BaseDirectory, "rag"), ["serve", "--data", data, "--urls", $"http://127.0.0.1:{port}", .. all.SelectMany(s => new[] { "--set", s })], environment, data);
        var server = new RagServe(process, data, port);
        await process.WaitUntilAsync(async token => (await server._http.GetAsync("/readyz", token)).IsSuccessStatusCode, TimeSpan.FromSeconds(60), ct);
        return server;
    }

    public Task<DoctorRun> LookAsync(CancellationToken ct, params string[] arguments) => DoctorRun.RunAsync(ct, [.. arguments, "--server", $"http://127.0.0.1:{Port}"]);

    /// <summary>Puts a text in and asks so many different questions.</summary>
    public async Task AskAsync(int questions, CancellationToken ct)
    {
        using var put = await _http.PostAsJsonAsync("/v1/collections/default/documents", new { uri = "herons.txt", text = "Herons stand in shallow water. Egrets are white." }, ct);
        put.EnsureSuccessStatusCode();
        // What is there already has no position.
        if ((await put.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>(ct)).TryGetProperty("position", out var position))
        {
            using var found = await _http.PostAsJsonAsync("/v1/search", new { query = "herons", wait_for = position.GetInt64() }, ct);
            found.EnsureSuccessStatusCode();
        }
        for (int i = 0; i < questions; i++)
        {
            using var answer = await _http.PostAsJsonAsync("/v1/ask", new { question = $"Where do herons stand, asked {_asked++}?" }, ct);
            answer.EnsureSuccessStatusCode();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _http.Dispose();
        Directory.Delete(_data, recursive: true);
    }
}
