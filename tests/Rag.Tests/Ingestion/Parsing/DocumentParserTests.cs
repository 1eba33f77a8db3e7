using System.Diagnostics;
using System.Text;
using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

/// <summary>Parsing through processes of their own: the same document, and bounds that hold whatever the file does.</summary>
public sealed class DocumentParserTests
{
    private const string Page = "<html><head><title>A page</title></head><body><h1>A page</h1><p>Ünïcödé “text” 日本語.</p><ul><li>one</li></ul></body></html>";

    [Fact]
    public async Task A_document_comes_back_from_another_process_as_it_was_parsed()
    {
        await using var parser = Parser(new());
        byte[] content = Encoding.UTF8.GetBytes(Page);
        var there = await parser.ParseAsync("page.html", content, TestContext.Current.CancellationToken);
        var here = ParsingData.Parse("page.html", content);
        there.Text.ShouldBe(here.Text);
        there.Title.ShouldBe(here.Title);
        there.MediaType.ShouldBe(here.MediaType);
        there.Blocks.ShouldBe(here.Blocks);
        there.Metadata.OrderBy(m => m.Key).ShouldBe(here.Metadata.OrderBy(m => m.Key));
    }

    [Fact]
    public async Task A_refusal_comes_back_with_its_reason_and_the_process_goes_on()
    {
        await using var parser = Parser(new() { Workers = 1 });
        for (int i = 0; i < 3; i++)
        {
            (await Refused(parser, "broken.pdf", "%PDF-1.4 but no more"u8.ToArray())).Reason.ShouldBe("broken");
            (await parser.ParseAsync("page.html", Encoding.UTF8.GetBytes(Page), TestContext.Current.CancellationToken)).Title.ShouldBe("A page");
        }
    }

    [Fact]
    public async Task A_parse_that_overruns_its_time_is_ended_and_the_next_one_works()
    {
        await using var parser = Parser(new() { Workers = 1, TimeoutMs = 50 });
        string big = "<html><body>" + string.Concat(Enumerable.Repeat("<table><tr><td>x<p>y</table>", 300_000));
        var clock = Stopwatch.StartNew();
        (await Refused(parser, "big.html", Encoding.UTF8.GetBytes(big))).Reason.ShouldBe("timeout");
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
        await using var patient = Parser(new() { Workers = 1 });
        (await patient.ParseAsync("page.html", Encoding.UTF8.GetBytes(Page), TestContext.Current.CancellationToken)).Title.ShouldBe("A page");
    }

    [Fact]
    public async Task A_parse_that_exhausts_its_memory_is_refused_as_hostile_and_the_next_one_works()
    {
        await using var parser = Parser(new() { Workers = 1, WorkerMemoryBytes = 48 << 20 });
        string big = "<html><body>" + string.Concat(Enumerable.Repeat("<p><b>x</b><i>y</i></p>", 250_000));
        var refusal = await Refused(parser, "big.html", Encoding.UTF8.GetBytes(big));
        refusal.Reason.ShouldBe("hostile");
        refusal.Message.ShouldContain("memory");
        (await parser.ParseAsync("page.html", Encoding.UTF8.GetBytes(Page), TestContext.Current.CancellationToken)).Title.ShouldBe("A page");
    }

    [Fact]
    public async Task A_process_is_replaced_after_so_many_documents()
    {
        await using var parser = Parser(new() { Workers = 1, WorkerDocuments = 2 });
        for (int i = 0; i < 5; i++)
            (await parser.ParseAsync("page.html", Encoding.UTF8.GetBytes(Page), TestContext.Current.CancellationToken)).Title.ShouldBe("A page");
    }

    [Fact]
    public async Task Many_parses_at_once_share_the_processes()
    {
        await using var parser = Parser(new() { Workers = 2 });
        var all = Enumerable.Range(0, 40).Select(i => parser.ParseAsync($"{i}.html", Encoding.UTF8.GetBytes($"<p>page number {i}</p>"), TestContext.Current.CancellationToken));
        var documents = await Task.WhenAll(all);
        documents.Select(d => d.Text).ShouldBe(Enumerable.Range(0, 40).Select(i => $"page number {i}"));
    }

    [Fact]
    public async Task Cancelling_a_parse_ends_it_and_leaves_the_parser_usable()
    {
        await using var parser = Parser(new() { Workers = 1 });
        string big = "<html><body>" + string.Concat(Enumerable.Repeat("<table><tr><td>x<p>y</table>", 300_000));
        using var cancel = new CancellationTokenSource(100);
        await Should.ThrowAsync<OperationCanceledException>(() => parser.ParseAsync("big.html", Encoding.UTF8.GetBytes(big), cancel.Token));
        (await parser.ParseAsync("page.html", Encoding.UTF8.GetBytes(Page), TestContext.Current.CancellationToken)).Title.ShouldBe("A page");
    }

    [Fact]
    public async Task A_process_that_dies_is_reported_as_the_files_failure()
    {
        var options = new ParsingOptions { WorkerCommand = ["false"], Workers = 1 };
        await using var parser = new DocumentParser(options, TimeProvider.System);
        (await Refused(parser, "page.html", Encoding.UTF8.GetBytes(Page))).Reason.ShouldBe("broken");
    }

    [Fact]
    public async Task A_file_over_the_size_bound_is_refused_unread()
    {
        await using var parser = new DocumentParser(new() { MaxFileBytes = 100 }, TimeProvider.System);
        var refusal = await Refused(parser, "big.txt", new byte[101]);
        refusal.Reason.ShouldBe("too_large");
        refusal.Message.ShouldContain("MB");
    }

    [Fact]
    public async Task Plain_text_needs_no_process()
    {
        await using var parser = new DocumentParser(new() { WorkerCommand = ["no-such-program"] }, TimeProvider.System);
        (await parser.ParseAsync("note.txt", "just a note"u8.ToArray(), TestContext.Current.CancellationToken)).Text.ShouldBe("just a note");
    }

    [Fact]
    public async Task The_worker_ends_when_its_input_closes()
    {
        using var output = new MemoryStream();
        (await ParseWorker.RunAsync(Stream.Null, output)).ShouldBe(0);
        output.Length.ShouldBe(0);
    }

    private static async Task<ParseException> Refused(DocumentParser parser, string name, byte[] content) =>
        await Should.ThrowAsync<ParseException>(() => parser.ParseAsync(name, content, TestContext.Current.CancellationToken));

    /// <summary>The real executable: beside the tests where it is copied there, else where the solution builds it.</summary>
    private static DocumentParser Parser(ParsingOptions options)
    {
        string beside = Path.Combine(AppContext.BaseDirectory, "rag.dll");
        if (!File.Exists(beside))
        {
            string output = Path.GetRelativePath(Path.Combine(ParsingData.Repository()!, "tests", "Rag.Tests"), AppContext.BaseDirectory);
            beside = Path.Combine(ParsingData.Repository()!, "src", "Rag.App", output, "rag.dll");
        }
        Assert.SkipUnless(File.Exists(beside), "the executable is not built: build the solution first");
        options.WorkerCommand = ["dotnet", beside, "parse-worker"];
        return new(options, TimeProvider.System);
    }
}
