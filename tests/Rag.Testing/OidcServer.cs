using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace Rag.Testing;

/// <summary>An OpenID provider from npm (oauth2-mock-server), on a loopback port, behind <c>oidc-server.mjs</c>; tests say what its tokens hold.</summary>
public sealed class OidcServer : IAsyncDisposable
{
    private const string Script = "oidc-server.mjs";
    // The newest that Node 20, which Debian has, can run.
    private static readonly string[] Packages = ["oauth2-mock-server@8.2.3"];

    private readonly ChildServer _process;
    private readonly HttpClient _control;

    private OidcServer(ChildServer process, int port, int control) =>
        (_process, Authority, _control) = (process, Local(port), new HttpClient { BaseAddress = new(Local(control)) });

    public string Authority { get; }

    public static async Task<OidcServer> StartAsync(CancellationToken ct)
    {
        string folder = await NpmFolder.WithAsync("oidc", Packages, Script, ct);
        int port = ChildServer.FreePort(), control = ChildServer.FreePort();
        var process = ChildServer.Start(ChildServer.Find("node")!, [Path.Combine(folder, Script), Text(port), Text(control)], workingDirectory: folder);
        var server = new OidcServer(process, port, control);
        try
        {
            await process.WaitUntilAsync(async token => (await server._control.GetAsync("/", token)).IsSuccessStatusCode, TimeSpan.FromSeconds(30), ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A token that the provider signs, with these claims beside or in the place of its own.</summary>
    public async Task<string> MintAsync(IReadOnlyDictionary<string, object> claims, CancellationToken ct) =>
        (await PostAsync("/mint", new { claims }, ct)).GetProperty("token").GetString()!;

    /// <summary>Who signs in at its page from now on.</summary>
    public Task UserAsync(string subject, string name, string[] groups, CancellationToken ct) => PostAsync("/user", new { sub = subject, name, groups }, ct);

    /// <summary>All its keys anew.</summary>
    public Task RotateAsync(CancellationToken ct) => PostAsync("/rotate", new { }, ct);

    public async ValueTask DisposeAsync()
    {
        _control.Dispose();
        await _process.DisposeAsync();
    }

    private async Task<JsonElement> PostAsync(string path, object body, CancellationToken ct)
    {
        using var response = await _control.PostAsJsonAsync(path, body, ct);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>(ct);
    }

    private static string Local(int port) => $"http://127.0.0.1:{Text(port)}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
