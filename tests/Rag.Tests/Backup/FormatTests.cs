using System.Text;
using System.Text.Json;
using Rag.Backup;
using Rag.Storage;

namespace Rag.Tests.Backup;

/// <summary>The format of backups, as text beside this file: a difference is a change to what others read.</summary>
public sealed class FormatTests : BackupTestBase
{
    [Fact]
    public async Task The_format_is_what_it_was()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var first = await BackUpAsync(service);
        var backup = await BackUpAsync(service, BackupKind.Weekly);
        string folder = FolderOf(backup);
        using var manifest = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "manifest.json"), Cancel));
        var text = new StringBuilder();
        text.AppendLine("manifest.json");
        foreach (var member in manifest.RootElement.EnumerateObject()) text.AppendLine($"  {member.Name}: {member.Value.ValueKind}");
        foreach (var member in manifest.RootElement.GetProperty("previous").EnumerateObject()) text.AppendLine($"  previous.{member.Name}: {member.Value.ValueKind}");
        foreach (var member in manifest.RootElement.GetProperty("audit").EnumerateObject()) text.AppendLine($"  audit.{member.Name}: {member.Value.ValueKind}");
        text.AppendLine("parts");
        foreach (var part in manifest.RootElement.GetProperty("parts").EnumerateArray())
        {
            text.AppendLine($"  {part.GetProperty("file").GetString()}: {string.Join(", ", part.EnumerateObject().Select(p => p.Name))}");
            if (part.TryGetProperty("columns", out var columns)) text.AppendLine($"    {string.Join(", ", columns.EnumerateArray().Select(c => $"{c.GetProperty("name").GetString()} {c.GetProperty("type").GetString()}"))}");
        }
        text.AppendLine("left out");
        foreach (var table in manifest.RootElement.GetProperty("left_out").EnumerateObject()) text.AppendLine($"  {table.Name}: {table.Value.GetString()}");
        byte[] file = await File.ReadAllBytesAsync(Path.Combine(folder, "collections-0001.part"), Cancel);
        text.AppendLine($"sealed file: {Encoding.ASCII.GetString(file, 0, 8)}, salt {SealedFile.SaltBytes}, pieces {SealedFile.PieceBytes}, tag {SealedFile.TagBytes}");
        await CompareAsync(text.ToString());
        first.Sequence.ShouldBe(1);
    }

    [Fact]
    public void A_row_is_laid_out_as_the_page_says()
    {
        var rows = new RowBuffer(64);
        rows.BeginRow(5);
        rows.Integer(-2);
        rows.Real(1.5);
        rows.Text("Ä");
        rows.Bytes([7, 8]);
        rows.Null();
        rows.EndRow();
        Convert.ToHexStringLower(rows.Block.Bytes.Span).ShouldBe("0005" + "00000008fffffffffffffffe" + "000000083ff8000000000000" + "00000002c384" + "000000020708" + "ffffffff");
    }

    [Fact]
    public async Task Without_this_program_a_backup_is_read_as_the_page_says()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        byte[] file = await File.ReadAllBytesAsync(Path.Combine(FolderOf(backup), "collections-0001.part"), Cancel);
        byte[] secret = Convert.FromBase64String(string.Concat((await File.ReadAllLinesAsync(KeyFile, Cancel)).Where(l => !l.StartsWith('-'))));
        byte[] key = System.Security.Cryptography.HKDF.DeriveKey(
            System.Security.Cryptography.HashAlgorithmName.SHA256, secret, 32, file[8..40], Encoding.UTF8.GetBytes($"rag-system backup part\n{backup.Id}\ncollections-0001.part"));
        using var gcm = new System.Security.Cryptography.AesGcm(key, 16);
        byte[] plain = new byte[file.Length - 40 - 16];
        gcm.Decrypt([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], file.AsSpan(40, plain.Length), file.AsSpan(file.Length - 16), plain);
        using var zstd = new ZstdSharp.Decompressor();
        string rows = Encoding.UTF8.GetString(zstd.Unwrap(plain));
        rows.ShouldContain("lab");
        rows.ShouldContain("default");
    }

    private static async Task CompareAsync(string actual, [System.Runtime.CompilerServices.CallerFilePath] string file = "")
    {
        string path = Path.Combine(Path.GetDirectoryName(file)!, "backup-format.txt");
        actual = actual.ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("RAG_UPDATE_SURFACES") == "1") await File.WriteAllTextAsync(path, actual, Cancel);
        (await File.ReadAllTextAsync(path, Cancel)).ReplaceLineEndings("\n").ShouldBe(actual);
    }
}
