using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Rag.Indexing;
using Rag.Storage;

namespace Rag.App.Tests.Http;

/// <summary>The real server on a port of its own, with a data directory of its own.</summary>
public sealed class HttpServer : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("rag-http-").FullName;
    private WebApplication _app = null!;

    public HttpClient Http { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _app = RagServer.Build([new("Storage:DataDirectory", _data), new("Inference:Provider", "none")], Microsoft.Extensions.Logging.LogLevel.Error);
        _app.Urls.Add("http://127.0.0.1:0");
        await RagServer.StartAsync(_app, TestContext.Current.CancellationToken);
        await _app.Services.GetRequiredService<IIndexer>().Ready;
        Http = new HttpClient { BaseAddress = new(_app.Urls.First()) };
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    /// <summary>Puts texts in and waits until they can be found.</summary>
    public async Task<JsonElement> PutAsync(string collection, params (string Uri, string Text)[] texts)
    {
        using var response = await Http.PostAsJsonAsync($"/v1/collections/{collection}/documents", new { documents = texts.Select(t => new { uri = t.Uri, text = t.Text }) }, TestContext.Current.CancellationToken);
        var body = await JsonAsync(response);
        await _app.Services.GetRequiredService<IIndexer>().WaitForAsync(await _app.Services.GetRequiredService<ChangeLog>().LastAsync(CancellationToken.None), TimeSpan.FromSeconds(30), CancellationToken.None);
        return body;
    }

    public Task<HttpResponseMessage> AskAsync(object body) => Http.PostAsJsonAsync("/v1/ask", body, TestContext.Current.CancellationToken);

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage response) => await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
}
