using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Rag.Bench;

/// <summary>Kestrel with one handler and nothing else: no routing, no logging, no metrics; the same to whoever asks.</summary>
internal static class BareServer
{
    public const string Command = "bare-server", RazorCommand = "bare-razor";

    /// <summary>The same bytes.</summary>
    public static async Task<int> RunAsync(string port, string answerFile, CancellationToken ct)
    {
        ReadOnlyMemory<byte> answer = await File.ReadAllBytesAsync(answerFile, ct);
        return await RunAsync(port, _ => { }, async context =>
        {
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.ContentLength = answer.Length;
            await context.Response.BodyWriter.WriteAsync(answer, context.RequestAborted);
        }, ct);
    }

    /// <summary>A page that is rendered anew each time by a Razor component.</summary>
    public static Task<int> RunRazorAsync(string port, CancellationToken ct) =>
        RunAsync(port, services => services.AddRazorComponents(), context => new RazorComponentResult<BarePage>().ExecuteAsync(context), ct);

    private static async Task<int> RunAsync(string port, Action<IServiceCollection> configure, RequestDelegate handle, CancellationToken ct)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenLocalhost(int.Parse(port, CultureInfo.InvariantCulture));
        });
        builder.Logging.ClearProviders();
        configure(builder.Services);
        await using var app = builder.Build();
        app.Run(handle);
        await app.StartAsync(ct);
        await Task.Delay(Timeout.Infinite, ct);
        return 0;
    }
}

/// <summary>What the compiler makes of a page of one heading and one paragraph.</summary>
internal sealed class BarePage : ComponentBase
{
    protected override void BuildRenderTree(RenderTreeBuilder builder) => builder.AddMarkupContent(0,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\" /><title>Bare</title></head><body><h1>A bare page</h1><p>It has a heading and this paragraph.</p></body></html>");
}
