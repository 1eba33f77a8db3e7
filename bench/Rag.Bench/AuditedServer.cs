using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rag.App;
using Rag.Audit;

namespace Rag.Bench;

/// <summary>The server as <c>rag serve</c> builds it, in this program: with what is shown noted for the audit record, or, which no setting does, without.</summary>
internal static class AuditedServer
{
    public const string Command = "audited-server";

    public static async Task<int> RunAsync(string port, string dataDirectory, string noted, CancellationToken ct)
    {
        await using var app = RagServer.Build(
            [new("Storage:DataDirectory", dataDirectory)], LogLevel.Error, configureKestrel: kestrel => kestrel.ListenLocalhost(int.Parse(port, CultureInfo.InvariantCulture), listen => listen.Protocols = HttpProtocols.Http1));
        app.Services.GetRequiredService<DataAccessLog>().Enabled = bool.Parse(noted);
        await RagServer.StartAsync(app, ct);
        await Task.Delay(Timeout.Infinite, ct);
        return 0;
    }
}
