using CsCheck;
using Rag.Answering;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;
using Rag.Tests.Ingestion.Parsing;

namespace Rag.Tests.Answering;

/// <summary>The promise that everything else serves: what is quoted is the document's text at its span.</summary>
public sealed class SpanPropertyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static readonly string[] Words = ["backup", "restore", "cache", "server", "größe", "naïve", "数据", "😀", "e\u0301", "İstanbul", "3.5", "P0", "e.g.", "\"quoted\"", "a|b", "<b>"];

    [Fact]
    public async Task Every_quote_from_a_generated_document_is_its_text_at_its_span()
    {
        await using var service = await TestService.StartAsync();
        var collection = await service.CollectionAsync();
        var random = new Random(11);
        for (int d = 0; d < 60; d++)
        {
            var builder = new ParsedTextBuilder(1_000_000);
            for (int b = 0; b < 12; b++)
            {
                string Text() => string.Join(' ', Enumerable.Range(0, random.Next(1, 25)).Select(_ => Words[random.Next(Words.Length)])) + (random.Next(3) == 0 ? "。" : ". ");
                int group = builder.NewGroup();
                switch (random.Next(5))
                {
                    case 0: builder.Heading(random.Next(1, 4), Text()); break;
                    case 1: for (int i = 0; i < 5; i++) builder.ListItem(group, 0, $"{i + 1}. ", Text()); break;
                    case 2: for (int i = 0; i < 5; i++) builder.TableRow(group, [Text(), Text()]); break;
                    case 3: builder.Code(Text() + "\n  " + Text()); break;
                    default: builder.Paragraph(Text() + " " + Text() + "\n" + Text()); break;
                }
            }
            await service.Get<Ingestor>().RecordAsync(collection, new($"d{d}", default), Sha256.Hex($"{d}"), builder.Build($"Title {d} 😀", "text/plain"), Cancel);
        }
        await service.SettleAsync();
        int quotes = 0;
        for (int q = 0; q < 200; q++)
            quotes += await CheckAsync(service, string.Join(' ', Enumerable.Range(0, random.Next(1, 4)).Select(_ => Words[random.Next(Words.Length)])));
        quotes.ShouldBeGreaterThan(200);
    }

    [Fact]
    public async Task Every_quote_from_a_real_document_is_its_text_at_its_span()
    {
        string folder = ParsingData.FolderOrSkip("files"), docs = ParsingData.FolderOrSkip("docs");
        await using var service = await TestService.StartAsync();
        var collection = await service.CollectionAsync();
        var files = Directory.EnumerateFiles(folder).Concat(Directory.EnumerateFiles(Path.Combine(docs, "redis-doc", "docs"), "*.md", SearchOption.AllDirectories).Take(60));
        foreach (string file in files)
            await foreach (var _ in service.Get<Ingestor>().IngestAsync(collection, new(Path.GetFileName(file), await File.ReadAllBytesAsync(file, Cancel)), Cancel)) { }
        await service.SettleAsync();
        int quotes = 0;
        foreach (string question in new[] { "How do I configure replication?", "What is the title of the document?", "List item one", "table cell", "sentence in the footnote", "How do I install Redis?", "persistence snapshot", "sorted set commands" })
            quotes += await CheckAsync(service, question);
        quotes.ShouldBeGreaterThan(10);
    }

    private static async Task<int> CheckAsync(TestService service, string question)
    {
        var answer = await service.AskAsync(question);
        foreach (var (sentence, source) in answer.Sentences.Zip(answer.Sources))
        {
            string text = (await service.Get<DocumentRecord>().TextAsync(source.Document, source.Version, Cancel)).ShouldNotBeNull();
            text[source.Start..source.End].ShouldBe(source.Quote);
            (sentence.Text, Sha256.Hex(source.Quote)).ShouldBe((source.Quote, source.Sha256));
        }
        return answer.Sources.Count;
    }
}
