import pytest
from sqlalchemy import ForeignKey, String, create_engine, event, func, select
from sqlalchemy.engine import _processors_cy, _result_cy, _row_cy, _util_cy
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.sql import _cache_key_cy
from sqlalchemy.sql import _util_cy as _sql_util_cy
from sqlalchemy.util import _collections_cy, _has_cython, _immutabledict_cy


def test_compiled_parts_are_in_use():
    parts = (_processors_cy, _result_cy, _row_cy, _util_cy, _cache_key_cy, _sql_util_cy)
    for module in (*parts, _collections_cy, _immutabledict_cy):
        assert module.__file__.endswith(".so")
        assert module._is_compiled()
    assert _has_cython.HAS_CYEXTENSION


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


@pytest.fixture(params=["memory", "file"])
def engine(request, tmp_path):
    where = "" if request.param == "memory" else f"/{tmp_path}/books.db"
    engine = create_engine(f"sqlite://{where}")

    @event.listens_for(engine, "connect")
    def check_foreign_keys(connection, _):
        connection.execute("PRAGMA foreign_keys=ON")

    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_objects(engine):
    with Session(engine) as session, session.begin():
        session.add(Author(name="Ursula", books=[Book(title="one"), Book(title="two")]))
        session.add(Author(name="Stanis\u0142aw", books=[Book(title="three")]))
    with Session(engine) as session:
        found = select(Author.name, func.count(Book.id)).join(Author.books).group_by(Author.id).order_by(Author.name)
        assert [tuple(row) for row in session.execute(found)] == [("Stanis\u0142aw", 1), ("Ursula", 2)]
        author = session.scalars(select(Author).where(Author.name == "Ursula")).one()
        session.delete(author)
        session.commit()
        assert session.scalars(select(Book.title)).all() == ["three"]


def test_errors_of_the_database(engine):
    with Session(engine) as session:
        session.add_all([Author(name="same"), Author(name="same")])
        with pytest.raises(IntegrityError, match="UNIQUE constraint failed"):
            session.commit()
