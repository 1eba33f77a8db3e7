using System.CommandLine;
using System.Diagnostics;
using Rag.Access;
using Rag.Answering.Generation;
using Rag.Foundation.Commands;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Storage;
using Spectre.Console;

namespace Rag.App;

/// <summary><c>rag serve</c>, and <c>rag demo</c>: the server with the product's own manual in it.</summary>
internal static class ServeCommands
{
    private const string DefaultUrl = "http://127.0.0.1:8080";

    public static void AddServe(this RootCommand root, CommandContext context)
    {
        var urls = new Option<string>("--urls") { Description = "Where to listen.", DefaultValueFactory = _ => DefaultUrl };
        var serve = new Command("serve", "The server: HTTP, web pages, indexing.") { urls };
        context.BindAlone(serve, (parse, ct) =>
        {
            string url = parse.GetValue(urls)!;
            return RunAsync(ServerConnection.SettingsOf(context, parse), url, LogLevel.Information, ct, (_, _) =>
            {
                context.Out.MarkupLineInterpolated($"rag-system serves [blue]{url}[/]. Press Ctrl+C to stop.");
                return Task.CompletedTask;
            });
        });
        root.Add(serve);

        var demo = new Command("demo", "Ingest the product's own manual, serve it, print the address and questions to try.") { urls };
        context.BindAlone(demo, (parse, ct) =>
        {
            var settings = ServerConnection.SettingsOf(context, parse);
            // The demo must not meddle with the documents of a real data directory.
            if (parse.GetValue(context.Data) is null) settings.Add(new("Storage:DataDirectory", Path.Combine("data", "demo")));
            // It is for whoever started it, and for nobody else.
            settings.Add(new("Access:Mode", AccessOptions.Open));
            string url = parse.GetValue(urls)!;
            return RunAsync(settings, url, LogLevel.Error, ct, (app, stop) => ShowManualAsync(context, app, FirstUrl(url), stop));
        });
        root.Add(demo);
    }

    /// <summary>Whether the command is a server, which signals end by <see cref="ServerLifetime"/>.</summary>
    public static bool Serves(ParseResult parse) => parse.CommandResult.Command.Name is "serve" or "demo" && parse.CommandResult.Parent is System.CommandLine.Parsing.CommandResult { Command: RootCommand };

    private static async Task<int> RunAsync(
        List<KeyValuePair<string, string?>> settings, string urls, LogLevel minimumLevel, CancellationToken ct, Func<WebApplication, CancellationToken, Task> onStarted)
    {
        await using var app = await StartAsync(settings, urls, minimumLevel, ct);
        try
        {
            await onStarted(app, app.Lifetime.ApplicationStopping);
            await app.WaitForShutdownAsync(ct);
        }
        finally
        {
            await app.StopAsync(CancellationToken.None);
        }
        return 0;
    }

    private static async Task ShowManualAsync(CommandContext context, WebApplication app, string url, CancellationToken ct)
    {
        using var http = new HttpClient { BaseAddress = new(url) };
        var api = new ApiClient(http);
        await app.Services.GetRequiredService<IIndexer>().Ready.WaitAsync(ct);
        var summary = new IngestSummary();
        await IngestionCommands.IngestSourceAsync(context, api, Collections.Default, ManualDirectory(), sync: true, summary, ct);
        await IngestionCommands.WaitForEmbeddingAsync(context, api, Collections.Default, ct);
        context.Out.WriteLine();
        context.Out.MarkupLineInterpolated($"The manual is in ({summary.Seen} documents). Open [blue]{url}[/] and ask, for example:");
        foreach (string question in Pages.Examples.Questions) context.Out.MarkupLineInterpolated($"  • {question}");
        context.Out.WriteLine("Press Ctrl+C to stop.");
    }

    private static async Task<WebApplication> StartAsync(List<KeyValuePair<string, string?>> settings, string urls, LogLevel minimumLevel, CancellationToken ct)
    {
        var app = RagServer.Build(settings, minimumLevel, ownsProcess: true);
        try
        {
            Doors.Check(app, urls.Split(';'));
            foreach (string url in urls.Split(';')) app.Urls.Add(url);
            // The model loads while the index opens; the first question finds both.
            var warm = Task.WhenAll(app.Services.GetRequiredService<Embedder>().WarmAsync(ct), app.Services.GetRequiredService<Generator>().WarmAsync(ct));
            await RagServer.StartAsync(app, ct);
            app.Services.GetRequiredService<DataDirectory>().AnnounceAddress(FirstUrl(urls));
            await warm;
            return app;
        }
        catch (IOException e) when (e.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            await app.DisposeAsync();
            throw new Foundation.RagException(Foundation.ErrorKind.Conflict, $"{urls} is in use by another program.", "Choose another address with --urls http://127.0.0.1:8081.", e);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    private static string FirstUrl(string urls) => urls.Split(';')[0];

    /// <summary>The manual beside the executable.</summary>
    private static string ManualDirectory() => Path.Combine(AppContext.BaseDirectory, "docs");
}
