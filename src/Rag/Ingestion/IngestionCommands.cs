using System.CommandLine;
using System.Net.Http.Headers;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Ingestion;

internal static class IngestionCommands
{
    /// <summary>Files in one request: few enough that a failure costs little, many enough that they share transactions.</summary>
    private const int BatchFiles = 16;
    /// <summary>Looks, four a second, at a count that does not grow.</summary>
    private const int MaxStill = 20;
    private const long BatchBytes = 16_000_000;

    public static void AddIngestion(this RootCommand root, CommandContext context)
    {
        root.Add(Ingest(context));
        root.Add(Documents(context));
        root.Add(CollectionsCommand(context));
    }

    private static Option<string[]> GroupOption(string description) => new("--group") { Description = description };

    private static Option<string> CollectionOption() => new("--collection") { Description = "The collection.", DefaultValueFactory = _ => Collections.Default };

    private static Command Ingest(CommandContext context)
    {
        var sources = new Argument<string[]>("path or URL") { Description = "Files, folders, .zip archives, http(s) addresses.", Arity = ArgumentArity.OneOrMore };
        var collection = CollectionOption();
        var sync = new Option<bool>("--sync") { Description = "Also remove documents of these folders whose files are gone." };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait until everything is embedded." };
        var groups = GroupOption("Limit the documents to this group; several times for several. Without it, what is there keeps what it has, and what is new is for everybody.");
        var command = new Command("ingest", "Put documents in.") { sources, collection, groups, sync, noWait };
        context.Bind(command, async (parse, api, ct) =>
        {
            string name = parse.GetValue(collection)!;
            var summary = new IngestSummary();
            foreach (string source in parse.GetValue(sources)!) await IngestSourceAsync(context, api, name, source, parse.GetValue(sync), summary, ct, parse.GetValue(groups));
            if (!parse.GetValue(noWait)) await WaitForEmbeddingAsync(context, api, name, ct);
            if (!context.TryJson(parse, summary.ToResponse(), IngestionJson.Default.IngestResponse)) summary.Print(context);
            return summary.Failed == 0 ? 0 : 1;
        });
        return command;
    }

    /// <summary>Sends one source's files in batches, with a progress bar.</summary>
    public static async Task IngestSourceAsync(CommandContext context, ApiClient api, string collection, string source, bool sync, IngestSummary summary, CancellationToken ct, IReadOnlyList<string>? groups = null)
    {
        var files = await FileSource.OpenAsync(source, ct);
        await context.Remarks.Progress().HideCompleted(true).StartAsync(async progress =>
        {
            var task = progress.AddTask(Markup.Escape($"Ingesting {source}"), maxValue: Math.Max(1, files.Count));
            var batch = new List<(string Uri, byte[] Content)>();
            long bytes = 0;
            await foreach (var (uri, content, failure) in files.ReadAsync(ct))
            {
                if (failure is not null) summary.Add(new IngestedFile(uri, IngestOutcome.Failed, null, null, null, "unreadable", failure));
                else
                {
                    batch.Add((uri, content!));
                    bytes += content!.Length;
                }
                if (batch.Count >= BatchFiles || bytes >= BatchBytes) await SendAsync();
                task.Value = summary.Seen + batch.Count;
            }
            await SendAsync();

            async Task SendAsync()
            {
                if (batch.Count > 0) await SendBatchAsync(api, collection, batch, groups ?? [], summary, ct);
                batch.Clear();
                bytes = 0;
            }
        });
        if (sync && files.Folder is { } folder) await RemoveMissingAsync(api, collection, folder, files.Uris, summary, ct);
    }

    private static async Task SendBatchAsync(ApiClient api, string collection, IReadOnlyList<(string Uri, byte[] Content)> batch, IReadOnlyList<string> groups, IngestSummary summary, CancellationToken ct)
    {
        try
        {
            using var form = new MultipartFormDataContent();
            foreach (string group in groups) form.Add(new StringContent(group), "groups");
            foreach (var (uri, content) in batch)
            {
                var part = new ByteArrayContent(content);
                part.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                form.Add(part, "files", uri);
            }
            var response = await api.SendAsync($"/v1/collections/{Uri.EscapeDataString(collection)}/documents", form, IngestionJson.Default.IngestResponse, ct);
            foreach (var file in response.Files) summary.Add(file);
            summary.Position = Math.Max(summary.Position, response.Position ?? 0);
            foreach (string replica in response.WaitingFor ?? []) summary.WaitsFor(replica);
        }
        catch (RagException e) when (e.Kind == ErrorKind.TooLarge)
        {
            // One file is too large for the server: the others still go in.
            if (batch.Count == 1) summary.Add(new IngestedFile(batch[0].Uri, IngestOutcome.Failed, null, null, null, "too_large", $"{e.Message} {e.Remedy}"));
            else
                foreach (var file in batch) await SendBatchAsync(api, collection, [file], groups, summary, ct);
        }
    }

    /// <summary>Waits until every chunk of the collection has its vector, with a progress bar; at once where there is no model.</summary>
    public static async Task WaitForEmbeddingAsync(CommandContext context, ApiClient api, string collection, CancellationToken ct)
    {
        string path = $"/v1/collections/{Uri.EscapeDataString(collection)}";
        var view = await api.GetAsync(path, IngestionJson.Default.CollectionView, ct);
        if (view.EmbeddedChunks >= view.Chunks) return;
        await context.Remarks.Progress().HideCompleted(true).StartAsync(async progress =>
        {
            var task = progress.AddTask("Embedding", maxValue: Math.Max(1, view.Chunks));
            int still = 0;
            while (view.EmbeddedChunks < view.Chunks)
            {
                long before = view.EmbeddedChunks;
                task.MaxValue = view.Chunks;
                task.Value = view.EmbeddedChunks;
                await Task.Delay(TimeSpan.FromMilliseconds(250), ct);
                view = await api.GetAsync(path, IngestionJson.Default.CollectionView, ct);
                // Without a model nothing moves: search is then by words, and there is nothing to wait for.
                still = view.EmbeddedChunks == before ? still + 1 : 0;
                if (view.EmbeddedChunks == 0 && before == 0 && !await HasModelAsync(api, still, ct)) return;
            }
        });
    }

    /// <summary>Whether vectors may still come. Who may write need not be an operator, and takes what stands still for long for an answer.</summary>
    private static async Task<bool> HasModelAsync(ApiClient api, int still, CancellationToken ct)
    {
        string text;
        try
        {
            text = await api.GetTextAsync("/admin/v1/index", ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Forbidden)
        {
            return still < MaxStill;
        }
        using var status = System.Text.Json.JsonDocument.Parse(text);
        return status.RootElement.TryGetProperty("model", out _);
    }

    private static async Task RemoveMissingAsync(ApiClient api, string collection, string folder, IReadOnlySet<string> present, IngestSummary summary, CancellationToken ct)
    {
        string path = $"/v1/collections/{Uri.EscapeDataString(collection)}/documents";
        string? after = "";
        while (after is not null)
        {
            var page = await api.GetAsync($"{path}?limit=500&prefix={Uri.EscapeDataString(folder + "/")}&after={Uri.EscapeDataString(after)}", IngestionJson.Default.DocumentList, ct);
            foreach (var document in page.Documents)
            {
                // A file of an archive is there as long as its archive is.
                string file = document.Uri.Split("!/")[0];
                if (present.Contains(file)) continue;
                var deleted = await api.DeleteAsync($"{path}/{document.Id}", IngestionJson.Default.DeleteResponse, ct);
                summary.Removed(document.Uri, deleted.Position);
            }
            after = page.Next;
        }
    }

    private static Command Documents(CommandContext context)
    {
        var collection = CollectionOption();
        var prefix = new Option<string>("--prefix") { Description = "Only addresses that begin with this.", DefaultValueFactory = _ => "" };
        var list = new Command("list", "Documents of a collection.") { collection, prefix };
        context.Bind(list, async (parse, api, ct) =>
        {
            var all = new List<DocumentView>();
            string? after = "";
            while (after is not null)
            {
                var page = await api.GetAsync($"{PathOf(parse.GetValue(collection)!)}?limit=500&prefix={Uri.EscapeDataString(parse.GetValue(prefix)!)}&after={Uri.EscapeDataString(after)}", IngestionJson.Default.DocumentList, ct);
                all.AddRange(page.Documents);
                after = page.Next;
            }
            if (context.TryJson(parse, new DocumentList(all, null), IngestionJson.Default.DocumentList)) return 0;
            var table = new Table().Border(TableBorder.Simple).AddColumn("Document").AddColumn("Title").AddColumn(new TableColumn("Id").NoWrap())
                .AddColumn(new TableColumn("Version").RightAligned()).AddColumn(new TableColumn("Chunks").RightAligned());
            foreach (var d in all) table.AddRow(Markup.Escape(d.Uri), Markup.Escape(d.Title), d.Id, $"{d.Version}", $"{d.Chunks:N0}");
            context.Out.Write(table);
            context.Out.WriteLine(all.Count == 1 ? "1 document" : $"{all.Count:N0} documents");
            return 0;
        });

        var id = new Argument<string>("id or uri") { Description = "The document's id, or its address in the collection." };
        var text = new Option<bool>("--text") { Description = "Print the extracted text." };
        var show = new Command("show", "One document, its versions, its text.") { id, collection, text };
        context.Bind(show, async (parse, api, ct) =>
        {
            string path = await FindAsync(api, parse.GetValue(collection)!, parse.GetValue(id)!, ct);
            if (parse.GetValue(text))
            {
                Console.Out.WriteLine(await api.GetTextAsync(path + "/text", ct));
                return 0;
            }
            var document = await api.GetAsync(path, IngestionJson.Default.DocumentView, ct);
            if (context.TryJson(parse, document, IngestionJson.Default.DocumentView)) return 0;
            context.Out.MarkupLineInterpolated($"{document.Title}\n[grey]{document.Uri}[/]\nid {document.Id}, {document.MediaType}, {document.SizeBytes:N0} bytes, {document.TextChars:N0} characters of text, {document.Chunks:N0} chunks\nshown to {DocumentGroups.Describe(document.Groups ?? [])}");
            foreach (var v in document.Versions ?? []) context.Out.MarkupLineInterpolated($"  version {v.Version}  {v.CreatedAt:yyyy-MM-dd HH:mm:ss}Z  {v.SizeBytes:N0} bytes  {v.Sha256[..12]}");
            foreach (var (key, value) in document.Metadata) context.Out.MarkupLineInterpolated($"  {key}: {value}");
            return 0;
        });

        var delete = new Command("delete", "Remove a document: text, full text, vectors, cached answers.") { id, collection };
        context.Bind(delete, async (parse, api, ct) =>
        {
            var result = await api.DeleteAsync(await FindAsync(api, parse.GetValue(collection)!, parse.GetValue(id)!, ct), IngestionJson.Default.DeleteResponse, ct);
            if (!context.TryJson(parse, result, IngestionJson.Default.DeleteResponse)) context.Out.WriteLine($"Removed {parse.GetValue(id)} at position {result.Position}.");
            return 0;
        });
        var groups = GroupOption("Show it to this group; several times for several.");
        var everybody = new Option<bool>("--everybody") { Description = "Show it to everybody who may read the collection." };
        var permit = new Command("permit", "Say who is shown a document. Ends when no replica shows it to others any more.") { id, collection, groups, everybody };
        context.Bind(permit, async (parse, api, ct) =>
        {
            string path = await FindAsync(api, parse.GetValue(collection)!, parse.GetValue(id)!, ct);
            var request = new PermissionRequest(parse.GetValue(groups) is { Length: > 0 } names ? names : null, parse.GetValue(everybody));
            var result = await api.PutAsync(path + "/permissions", request, IngestionJson.Default.PermissionRequest, IngestionJson.Default.PermissionResponse, ct);
            if (context.TryJson(parse, result, IngestionJson.Default.PermissionResponse)) return result.Effective ? 0 : 1;
            context.Out.MarkupLineInterpolated($"{parse.GetValue(id)} is shown to {DocumentGroups.Describe(result.Groups)}, as of position {result.Position}.");
            if (!result.Effective) context.Out.MarkupLineInterpolated($"[yellow]Not everywhere yet: waiting for {string.Join(", ", result.WaitingFor)}.[/]");
            return result.Effective ? 0 : 1;
        });
        return new Command("documents", "Look at documents, say who is shown them, remove them.") { list, show, permit, delete };
    }

    private static Command CollectionsCommand(CommandContext context)
    {
        var list = new Command("list", "All collections.");
        context.Bind(list, async (parse, api, ct) =>
        {
            var result = await api.GetAsync("/v1/collections", IngestionJson.Default.CollectionList, ct);
            if (context.TryJson(parse, result, IngestionJson.Default.CollectionList)) return 0;
            var table = new Table().Border(TableBorder.Simple).AddColumn("Collection").AddColumn("Language")
                .AddColumn(new TableColumn("Documents").RightAligned()).AddColumn(new TableColumn("Chunks").RightAligned()).AddColumn(new TableColumn("Embedded").RightAligned());
            foreach (var c in result.Collections) table.AddRow(c.Name, c.Language, $"{c.Documents:N0}", $"{c.Chunks:N0}", $"{c.EmbeddedChunks:N0}");
            context.Out.Write(table);
            return 0;
        });
        var name = new Argument<string>("name") { Description = "The collection's name." };
        var language = new Option<string?>("--language") { Description = "Language of its full text: " + string.Join(", ", Languages.All) + "." };
        var create = new Command("create", "Make a collection, or change its language.") { name, language };
        context.Bind(create, async (parse, api, ct) =>
        {
            var view = await api.PutAsync($"/v1/collections/{Uri.EscapeDataString(parse.GetValue(name)!)}", new CollectionRequest(parse.GetValue(language)), IngestionJson.Default.CollectionRequest, IngestionJson.Default.CollectionView, ct);
            if (!context.TryJson(parse, view, IngestionJson.Default.CollectionView)) context.Out.WriteLine($"Collection {view.Name}, language {view.Language}.");
            return 0;
        });
        var delete = new Command("delete", "Remove a collection and everything in it.") { name };
        context.Bind(delete, async (parse, api, ct) =>
        {
            var result = await api.DeleteAsync($"/v1/collections/{Uri.EscapeDataString(parse.GetValue(name)!)}", IngestionJson.Default.DeleteResponse, ct);
            if (!context.TryJson(parse, result, IngestionJson.Default.DeleteResponse)) context.Out.WriteLine($"Removed {parse.GetValue(name)} at position {result.Position}.");
            return 0;
        });
        return new Command("collections", "Sets of documents.") { list, create, delete };
    }

    private static string PathOf(string collection) => $"/v1/collections/{Uri.EscapeDataString(collection)}/documents";

    private static async Task<string> FindAsync(ApiClient api, string collection, string idOrUri, CancellationToken ct)
    {
        if (Guid.TryParse(idOrUri, out _)) return $"{PathOf(collection)}/{idOrUri}";
        var page = await api.GetAsync($"{PathOf(collection)}?limit=1&prefix={Uri.EscapeDataString(idOrUri)}", IngestionJson.Default.DocumentList, ct);
        var found = page.Documents.FirstOrDefault(d => d.Uri == idOrUri)
            ?? throw new RagException(ErrorKind.NotFound, $"There is no document '{idOrUri}' in collection '{collection}'.", "'rag documents list' prints their addresses and ids.");
        return $"{PathOf(collection)}/{found.Id}";
    }
}
