using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Rag.App.Tests.Pages;
using Rag.Indexing;

[assembly: AssemblyFixture(typeof(Site))]

namespace Rag.App.Tests.Pages;

/// <summary>The real server with a few documents in it, and a browser; both are started once for all tests.</summary>
public sealed class Site : IAsyncLifetime
{
    private readonly SemaphoreSlim _starting = new(1, 1);
    private RunningServer? _server;
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public string Url => _server!.Url;

    public HttpClient Http => _server!.Http;

    /// <summary>What the pages of <see cref="ConsolePages"/> show.</summary>
    public ConsoleState State { get; private set; } = null!;

    /// <summary>What the server is made of.</summary>
    internal IServiceProvider Services => _server!.Services;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        State = new(_server.Http, ConsoleContent.Sample);
        await State.FillAsync();
        await _server.WaitForEmbeddingAsync("default");
    }

    /// <summary>A new page in a context of its own, by default on this site; skips on a machine without Chromium, fails there in continuous integration.</summary>
    public async Task<Visit> VisitAsync(string path, Action<BrowserNewContextOptions>? configure = null, string? site = null)
    {
        if (Chromium.Missing is { } missing)
        {
            if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(missing);
            Assert.Skip(missing);
        }
        var options = new BrowserNewContextOptions { BaseURL = site ?? Url, ViewportSize = new() { Width = 1280, Height = 800 } };
        configure?.Invoke(options);
        var context = await (await BrowserAsync()).NewContextAsync(options);
        context.SetDefaultTimeout(15_000);
        var visit = new Visit(context, await context.NewPageAsync());
        await visit.Page.GotoAsync(path);
        return visit;
    }

    public Task AddAsync(string collection, string name, string text) => _server!.AddAsync(collection, name, text);

    public Task AddAsync(string collection, string name, byte[] content) => _server!.AddAsync(collection, name, content);

    public Task WaitForEmbeddingAsync(string collection) => _server!.WaitForEmbeddingAsync(collection);

    /// <summary>What the HTTP interface answers: the pages must show the same.</summary>
    public async Task<JsonElement> AskAsync(string question, string collection = "default")
    {
        using var response = await Http.PostAsJsonAsync("/v1/ask", new { question, collection });
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public async Task<IReadOnlyList<(string Id, string Uri)>> DocumentsAsync(string collection)
    {
        var list = await Http.GetFromJsonAsync<JsonElement>($"/v1/collections/{collection}/documents");
        return list.GetProperty("documents").EnumerateArray().Select(d => (d.GetProperty("id").GetString()!, d.GetProperty("uri").GetString()!)).ToList();
    }

    public async Task<string> IdAsync(string collection, string uri) => (await DocumentsAsync(collection)).Single(d => d.Uri == uri).Id;

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
        _starting.Dispose();
    }

    private async Task<IBrowser> BrowserAsync()
    {
        await _starting.WaitAsync();
        try
        {
            _playwright ??= await Playwright.CreateAsync();
            return _browser ??= await Chromium.StartAsync(_playwright);
        }
        finally
        {
            _starting.Release();
        }
    }
}

/// <summary>A server of its own on a free port, with an empty data directory that goes with it.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _data;

    private RunningServer(WebApplication app, string data, string url) => (_app, _data, Url, Http) = (app, data, url, new HttpClient { BaseAddress = new(url) });

    public string Url { get; }

    public HttpClient Http { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<RunningServer> StartAsync(params (string Key, string Value)[] settings)
    {
        string data = Directory.CreateTempSubdirectory("rag-pages-").FullName;
        var all = settings.Select(s => new KeyValuePair<string, string?>(s.Key, s.Value)).Append(new("Storage:DataDirectory", data));
        var app = RagServer.Build(all, Microsoft.Extensions.Logging.LogLevel.Error);
        app.Urls.Add("http://127.0.0.1:0");
        await RagServer.StartAsync(app, CancellationToken.None);
        await app.Services.GetRequiredService<IIndexer>().Ready;
        return new(app, data, app.Urls.Single());
    }

    public Task AddAsync(string collection, string name, string text) => AddAsync(collection, name, Encoding.UTF8.GetBytes(text));

    public async Task AddAsync(string collection, string name, byte[] content)
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(content), "files", name } };
        using var response = await Http.PostAsync($"/v1/collections/{collection}/documents", form);
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode && !body.Contains("\"failed\""), body);
    }

    public async Task WaitForEmbeddingAsync(string collection)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            var view = await Http.GetFromJsonAsync<JsonElement>($"/v1/collections/{collection}", limit.Token);
            if (view.GetProperty("chunks").GetInt64() == view.GetProperty("embedded_chunks").GetInt64()) break;
            await Task.Delay(50, limit.Token);
        }
        var indexer = _app.Services.GetRequiredService<IIndexer>();
        await indexer.WaitForAsync(await _app.Services.GetRequiredService<Storage.ChangeLog>().LastAsync(limit.Token), TimeSpan.FromSeconds(30), limit.Token);
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }
}

internal static class Visits
{
    /// <summary>Nothing on the console, no script error, no request that failed.</summary>
    public static void ShouldBeQuiet(this Visit visit) => Assert.Empty(visit.Complaints);
}
