using System.CommandLine;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Rag.Access;
using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.App;

/// <summary>
/// A server for one command: the one that <c>--server</c> names, or one inside this process on the data directory,
/// spoken to over a socket file that only this user may open. Either way the command speaks HTTP.
/// </summary>
internal sealed class ServerConnection : IServerConnection
{
    private static readonly TimeSpan RequestLimit = TimeSpan.FromHours(1);

    private readonly HttpClient _http;
    private readonly WebApplication? _app;
    private readonly string? _socketDirectory;

    private ServerConnection(HttpClient http, WebApplication? app, string? socketDirectory)
    {
        (_http, _app, _socketDirectory) = (http, app, socketDirectory);
        Api = new(http);
    }

    public ApiClient Api { get; }

    public static async Task<IServerConnection> OpenAsync(CommandContext context, ParseResult parse, CancellationToken ct)
    {
        if (parse.GetValue(context.Server) is not { } server) return await OpenLocalAsync(SettingsOf(context, parse), ct);
        if (!Uri.TryCreate(server, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new RagException(ErrorKind.Invalid, $"'{server}' is not the address of a server.", "Write it as http://127.0.0.1:8080.");
        var http = new HttpClient { BaseAddress = uri, Timeout = RequestLimit };
        ServerKey.Show(http, parse.GetValue(context.Key));
        return new ServerConnection(http, null, null);
    }

    /// <summary>Configuration from the options that every command has.</summary>
    public static List<KeyValuePair<string, string?>> SettingsOf(CommandContext context, ParseResult parse)
    {
        var settings = (parse.GetValue(context.Set) ?? []).Select(RagConfiguration.ParseFlag).ToList();
        if (parse.GetValue(context.Data) is { } data) settings.Add(new("Storage:DataDirectory", data));
        return settings;
    }

    public static async Task<ServerConnection> OpenLocalAsync(List<KeyValuePair<string, string?>> settings, CancellationToken ct)
    {
        string directory = Directory.CreateTempSubdirectory("rag-").FullName;
        string socket = Path.Combine(directory, "s");
        var app = RagServer.Build(settings, LogLevel.Critical, configureKestrel: kestrel => kestrel.ListenUnixSocket(socket, listen => listen.Use(next => connection =>
        {
            // The folder of the socket is this user's alone, and so is who comes through it.
            connection.Features.Set(new LocalConnection(Environment.UserName));
            return next(connection);
        })));
        try
        {
            await RagServer.StartAsync(app, ct);
            await app.Services.GetRequiredService<Indexing.IIndexer>().Ready.WaitAsync(ct);
        }
        catch
        {
            await app.DisposeAsync();
            Directory.Delete(directory, recursive: true);
            throw;
        }
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), token);
                return new NetworkStream(connection, ownsSocket: true);
            },
        };
        return new(new HttpClient(handler) { BaseAddress = new("http://localhost"), Timeout = RequestLimit }, app, directory);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_app is null) return;
        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_socketDirectory is not null) Directory.Delete(_socketDirectory, recursive: true);
    }
}
