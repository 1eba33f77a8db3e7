using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Rag.Indexing;

/// <summary>
/// Rows of equal size in one file, appended, never moved; read through memory mapping. The file is only as true as
/// the row count that the full-text commit names: what lies behind it is cut off when the index is opened.
/// </summary>
internal sealed class VectorFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly Lock _appending = new();

    public VectorFile(string path, int rowBytes, int committedRows)
    {
        RowBytes = rowBytes;
        _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        long committedBytes = (long)committedRows * rowBytes;
        if (RandomAccess.GetLength(_file) < committedBytes)
        {
            _file.Dispose();
            throw new InvalidDataException($"The vector file is shorter than its {committedRows} committed rows.");
        }
        RandomAccess.SetLength(_file, committedBytes);
        Rows = committedRows;
        Path = path;
    }

    public string Path { get; }

    public int RowBytes { get; }

    public int Rows { get; private set; }

    /// <summary>Adds a row and returns its number; safe to call from several threads. Not durable before <see cref="Flush"/>.</summary>
    public int Append(ReadOnlySpan<byte> row)
    {
        if (row.Length != RowBytes) throw new ArgumentException($"A row has {RowBytes} bytes, not {row.Length}.", nameof(row));
        lock (_appending)
        {
            RandomAccess.Write(_file, row, (long)Rows * RowBytes);
            return Rows++;
        }
    }

    /// <summary>Overwrites a row that nothing refers to any more, so that a deleted text leaves no vector behind.</summary>
    public void Erase(int row) => RandomAccess.Write(_file, new byte[RowBytes], (long)row * RowBytes);

    public void Flush() => RandomAccess.FlushToDisk(_file);

    /// <summary>A view of the rows that are there now; it stays valid while the file grows.</summary>
    public VectorRows Map() => new(_file, Rows, RowBytes);

    public void Dispose() => _file.Dispose();
}

/// <summary>Mapped rows: a span over <see cref="Count"/> × <see cref="RowBytes"/> bytes until disposed.</summary>
internal sealed unsafe class VectorRows : IDisposable
{
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _pointer;

    public VectorRows(SafeFileHandle file, int count, int rowBytes)
    {
        Count = count;
        RowBytes = rowBytes;
        if (count == 0) return;
        _map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _map.CreateViewAccessor(0, (long)count * rowBytes, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
    }

    public int Count { get; }

    public int RowBytes { get; }

    public ReadOnlySpan<byte> Row(int row) => new(_pointer + (long)row * RowBytes, RowBytes);

    /// <summary>A stretch of rows; at most 2 GiB of them, which the caller sees to.</summary>
    public ReadOnlySpan<byte> Span(int firstRow, int rows) => new(_pointer + (long)firstRow * RowBytes, checked(rows * RowBytes));

    public void Dispose()
    {
        if (_view is null) return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map!.Dispose();
    }
}
