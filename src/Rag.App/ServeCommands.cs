using System.CommandLine;
using System.Diagnostics;
using Rag.Access;
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
        context.BindAlone(serve, async (parse, ct) =>
        {
            await using var app = await StartAsync(context, parse, ServerConnection.SettingsOf(context, parse), parse.GetValue(urls)!, LogLevel.Information, ct);
            context.Out.MarkupLineInterpolated($"rag-system serves [blue]{parse.GetValue(urls)}[/]. Press Ctrl+C to stop.");
            await WaitForStopAsync(app, ct);
            return 0;
        });
        root.Add(serve);

        var demo = new Command("demo", "Ingest the product's own manual, serve it, print the address and questions to try.") { urls };
        context.BindAlone(demo, async (parse, ct) =>
        {
            var settings = ServerConnection.SettingsOf(context, parse);
            // The demo must not meddle with the documents of a real data directory.
            if (parse.GetValue(context.Data) is null) settings.Add(new("Storage:DataDirectory", Path.Combine("data", "demo")));
            string url = parse.GetValue(urls)!;
            await using var app = await StartAsync(context, parse, settings, url, LogLevel.Error, ct);
            using var http = new HttpClient { BaseAddress = new(FirstUrl(url)) };
            var api = new ApiClient(http);
            await app.Services.GetRequiredService<IIndexer>().Ready.WaitAsync(ct);
            var summary = new IngestSummary();
            await IngestionCommands.IngestSourceAsync(context, api, Collections.Default, ManualDirectory(), sync: true, summary, ct);
            await IngestionCommands.WaitForEmbeddingAsync(context, api, Collections.Default, ct);
            context.Out.WriteLine();
            context.Out.MarkupLineInterpolated($"The manual is in ({summary.Seen} documents). Open [blue]{FirstUrl(url)}[/] and ask, for example:");
            foreach (string question in Pages.Examples.Questions) context.Out.MarkupLineInterpolated($"  • {question}");
            context.Out.WriteLine("Press Ctrl+C to stop.");
            await WaitForStopAsync(app, ct);
            return 0;
        });
        root.Add(demo);
    }

    private static async Task<WebApplication> StartAsync(CommandContext context, ParseResult parse, List<KeyValuePair<string, string?>> settings, string urls, LogLevel minimumLevel, CancellationToken ct)
    {
        OpenMode.RequireLoopback(urls.Split(';'));
        var app = RagServer.Build(settings, minimumLevel);
        try
        {
            foreach (string url in urls.Split(';')) app.Urls.Add(url);
            // The model loads while the index opens; the first question finds both.
            var warm = app.Services.GetRequiredService<Embedder>().WarmAsync(ct);
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

    private static async Task WaitForStopAsync(WebApplication app, CancellationToken ct)
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onStop = app.Lifetime.ApplicationStopping.Register(() => stopping.TrySetResult());
        using var onCancel = ct.Register(() => stopping.TrySetResult());
        await stopping.Task;
        await app.StopAsync(CancellationToken.None);
    }

    /// <summary>The manual beside the executable.</summary>
    private static string ManualDirectory() => Path.Combine(AppContext.BaseDirectory, "docs");
}
