using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Rag.Bench;

/// <summary>Kestrel with one handler and nothing else: no routing, no logging, no metrics; the same bytes to whoever asks.</summary>
internal static class BareServer
{
    public const string Command = "bare-server";

    public static async Task<int> RunAsync(string port, string answerFile, CancellationToken ct)
    {
        ReadOnlyMemory<byte> answer = await File.ReadAllBytesAsync(answerFile, ct);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenLocalhost(int.Parse(port, CultureInfo.InvariantCulture));
        });
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Run(async context =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.ContentLength = answer.Length;
            await context.Response.BodyWriter.WriteAsync(answer, context.RequestAborted);
        });
        await app.StartAsync(ct);
        await Task.Delay(Timeout.Infinite, ct);
        return 0;
    }
}
