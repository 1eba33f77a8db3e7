using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Rag.Indexing;
using Rag.Testing.Access;

namespace Rag.App.Tests.Access;

/// <summary>The real server in mode keys, on a port of its own.</summary>
public sealed class KeyedServer : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("rag-keyed-").FullName;
    private readonly List<HttpClient> _clients = [];

    public WebApplication App { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => StartAsync();

    public async ValueTask StartAsync(params KeyValuePair<string, string?>[] settings)
    {
        App = RagServer.Build([.. AccessMatrix.Settings, new("Storage:DataDirectory", _data), .. settings], Microsoft.Extensions.Logging.LogLevel.Error);
        App.Urls.Add("http://127.0.0.1:0");
        await RagServer.StartAsync(App, CancellationToken.None);
        await App.Services.GetRequiredService<IIndexer>().Ready;
        Address = new(App.Urls.First());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    internal T Get<T>() where T : notnull => App.Services.GetRequiredService<T>();

    /// <summary>A new key, made as the server itself would.</summary>
    internal Task<KeyIssued> KeyAsync(string role, string? collection = null, string? expires = null, int? perMinute = null, int? questionsPerDay = null, IReadOnlyList<string>? groups = null) =>
        Get<ApiKeys>().CreateAsync(new($"test {role}", [role], collection is null ? null : [collection], groups, "tests", expires, perMinute, questionsPerDay), Cancel);

    /// <summary>A client that shows the key, or none.</summary>
    public HttpClient Client(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        _clients.Add(client);
        return client;
    }

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage response) => JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement;
}
